/**
 * The process that is the embedded ClickHouse server: `clickhouse-child LIBRARY ARGUMENTS…`, where LIBRARY is the path
 * of libchdb and ARGUMENTS are those of `clickhouse local`. Blocks in native code until stdin closes, then ends.
 */
import { DataType, load, open } from 'ffi-rs';

const [library, ...rest] = process.argv.slice(2);
if (library === undefined) throw new Error('clickhouse-child wants the path of libchdb as its first argument');

const argv = ['clickhouse', ...rest];
open({ library: 'chdb', path: library });
// The result is of no use: the library has already written any error to stderr, and the process ends here.
load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
});
