/** Which source files read what comes from outside, and which of them the fuzzer reaches. */
import { globSync, readFileSync } from 'node:fs';
import { importsOf, sourceFiles } from './floors.ts';

/** Words of a file that takes bytes, text or values of another's making apart. */
const marks =
  /\bchecker\(|\bCompile\(|\bcodec<|\bJSON\.parse\(|\bexport const (?:parse|decode|read|detect|inspect)[A-Z]\w* =/;

export const decoderFiles = (): string[] =>
  sourceFiles().filter((file) => !file.startsWith('cli/') && marks.test(readFileSync(file, 'utf8')));

/** Imported by a file of `test/fuzz/`, by itself. */
export const fuzzedFiles = (): ReadonlySet<string> =>
  new Set(globSync('test/fuzz/**/*.ts').flatMap((file) => importsOf(file).map(({ to }) => to)));

/** The others, and what reaches them, or why nothing need. */
export const elsewhere: Readonly<Record<string, string>> = {
  'agent/base/atomic-file.ts': 'gives bytes as they are',
  'agent/chunk/debt.ts': 'own store only',
  'agent/chunk/limits.ts': 'a name that begins so',
  'agent/chunk/scrub.ts': 'own store only',
  'agent/cluster/events.ts': 'a cursor: JSON of whole numbers, refused in one place',
  'agent/cluster/upkeep.ts': 'one schema over the answer of a host',
  'agent/compute/claims.ts': 'own store only',
  'agent/compute/hypervisor/console-log.ts': 'gives bytes as they are',
  'agent/compute/hypervisor/qemu.ts': 'its answers come through qmp.ts',
  'agent/http/body.ts': 'target "json body" and the routes behind it',
  'agent/identity/api/assignment.ts': 'words of a query, one comparison each',
  'agent/identity/api/credential.ts': 'after keyPairOf of credentials.ts, which is fuzzed',
  'agent/identity/grants.ts': 'own rows only',
  'agent/image/inspect-qcow2.ts': 'target "image head", through detect',
  'agent/image/inspect-vmdk.ts': 'target "image head", through detect',
  'agent/journal/limits.ts': 'a name that begins so',
  'agent/journal/merge.ts': 'reads through log.ts',
  'agent/membership/card-index.ts': 'target "rpc membership" and the schemas of membership.ts',
  'agent/object/access-log/spool.ts': 'own store only',
  'agent/object/bucket-policy/condition.ts': 'target "s3 policy"',
  'agent/object/swift/ask.ts': 'words of a query, one comparison each',
  'agent/panel/page/away.ts': "the panel's own page",
  'agent/panel/page/call.ts': "the panel's own page",
  'agent/panel/page/session.ts': "the panel's own page",
  'agent/peer/gossip.ts': 'target "codec"; what it carries by topic',
  'agent/peer/hello.ts': 'targets "hello" and "hello answer"',
  'agent/peer/join-channel.ts': 'targets "frame reader" and "codec"',
  'agent/peer/join-host.ts': 'targets "join request" and "join proof"',
  'agent/register/change.ts': 'a name that begins so',
  'agent/ring/layout-chain.ts': 'target "rpc layout.register"',
  'agent/ring/layout-spread.ts': 'targets "rpc layout.push" and "gossip layout"',
  'agent/ring/wish-book.ts': 'target "rpc layout.wish"',
  'agent/table/cutoff.ts': 'own store only',
  'agent/table/life-notes.ts': 'own store only',
  'agent/table/outbox.ts': 'target "answer batch"',
  'agent/table/pages.ts': 'target "answer range"',
  'agent/table/read-row.ts': 'a name that begins so',
  'agent/table/registers.ts': 'rows of the tables: target "table row"',
  'agent/table/rows.ts': 'rows of the tables: target "table row"',
  'agent/table/serve.ts': 'target "rpc table.ask"',
};
