import { lockFolder } from '../../engine/journal/lock.ts';

// Takes the lock of a folder and keeps it until the process ends.
lockFolder(process.argv[2]!);
process.stdout.write('locked\n');
process.stdin.resume();
