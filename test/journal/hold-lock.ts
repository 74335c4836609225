import { lockFolder } from '../../engine/journal/lock.ts';

// Locks a folder until the process ends.
lockFolder(process.argv[2]!);
process.stdout.write('locked\n');
process.stdin.resume();
