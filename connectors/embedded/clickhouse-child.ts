/**
 * The process of the embedded ClickHouse server: `clickhouse-child LIBRARY ARGUMENTS…`. LIBRARY is the path of libchdb; ARGUMENTS are
 * those of `clickhouse local`. It blocks in native code until stdin closes, then exits.
 */
import { DataType, load, open } from 'ffi-rs';

const [library, ...rest] = process.argv.slice(2);
if (library === undefined) throw new Error('clickhouse-child: the first argument must be the path of libchdb');

const argv = ['clickhouse', ...rest];
open({ library: 'chdb', path: library });
// The result is not needed: the library has already written any error to stderr, and the process exits here.
load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
});
