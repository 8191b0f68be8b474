/**
 * `npm run bench -- NAME`: measures, and prints each number beside a limit measured in the same run. Absolute
 * numbers drift from machine to machine and hour to hour; ratios hold.
 */
import { parseArgs } from 'node:util';
import { benchChunk } from './chunk.ts';
import { benchCrowd } from './crowd.ts';
import { benchIdentity } from './identity.ts';
import { benchIdle } from './idle.ts';
import { benchJournal } from './journal.ts';
import { benchLimits } from './limits.ts';
import { benchListing } from './listing.ts';
import { benchMemory } from './memory.ts';
import { benchMoving } from './moving.ts';
import { benchObject, benchS3 } from './object.ts';
import { benchRegister } from './register.ts';
import { benchRing } from './ring.ts';
import { benchRows } from './rows.ts';

export interface BenchOptions {
  /** Of the crowd. */
  readonly members: number;
  /** How long each case runs. */
  readonly seconds: number;
}

interface Bench {
  readonly about: string;
  run(options: BenchOptions): Promise<void>;
}

const benches: Readonly<Record<string, Bench>> = {
  chunk: { about: 'chunks written and read on four hosts, also while one of them hangs', run: benchChunk },
  crowd: { about: 'what 1,000 members add to an idle agent of three', run: benchCrowd },
  identity: { about: 'tokens checked and issued, alone and through one host of three', run: benchIdentity },
  idle: { about: 'CPU and memory of an agent that nobody asks, one of three', run: benchIdle },
  journal: { about: 'events signed, on disk, and readable on another host', run: benchJournal },
  limits: { about: 'what TLS, hashes and the disk of this machine can do', run: benchLimits },
  listing: { about: 'pages out of a thousand rows and out of a million', run: benchListing },
  memory: {
    about: 'memory of a host: idle, under a large upload, under 1,000 slow clients',
    run: benchMemory,
  },
  moving: { about: 'GETs through one host of four, before and while another one joins', run: benchMoving },
  object: {
    about: 'PUT, GET, LIST and DELETE of objects through one host of three, by Swift',
    run: benchObject,
  },
  register: { about: 'changes of registers on three hosts, apart and contended', run: benchRegister },
  ring: { about: 'owners of 65,536 partitions on 1,000 hosts, and one host more', run: benchRing },
  s3: { about: 'the same by S3, signed', run: benchS3 },
  table: { about: 'rows written, read and listed on three hosts', run: benchRows },
};

const usage = (): string =>
  [
    'Usage: npm run bench -- NAME [--seconds N] [--members N]',
    ...Object.entries(benches).map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`),
    '  --seconds N  how long each case runs, default 5',
    '  --members N  how large the crowd is, default 1,000',
  ].join('\n');

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '5' },
    members: { type: 'string', default: '1000' },
    help: { type: 'boolean', default: false },
  },
});
const [name, ...rest] = positionals;
const bench = name === undefined || !Object.hasOwn(benches, name) ? undefined : benches[name];
const seconds = Number(values.seconds);
const members = Number(values.members);

if (values.help) console.log(usage());
else if (!bench || rest.length > 0 || !(seconds > 0) || !(members > 0)) {
  console.error(usage());
  process.exitCode = 2;
} else await bench.run({ seconds, members });
