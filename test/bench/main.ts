/**
 * `npm run bench -- NAME`: measures, and prints each number beside a limit measured in the same run. Absolute
 * numbers drift from machine to machine and hour to hour; ratios hold.
 */
import { parseArgs } from 'node:util';
import { benchIdentity } from './identity.ts';
import { benchLimits } from './limits.ts';
import { benchObject } from './object.ts';

export interface BenchOptions {
  /** How long each case runs. */
  readonly seconds: number;
}

interface Bench {
  readonly about: string;
  run(options: BenchOptions): Promise<void>;
}

const benches: Readonly<Record<string, Bench>> = {
  identity: { about: 'tokens checked and issued, alone and through one host of three', run: benchIdentity },
  limits: { about: 'what TLS, hashes and the disk of this machine can do', run: benchLimits },
  object: { about: 'PUT and GET of objects through one host of three', run: benchObject },
};

const usage = (): string =>
  [
    'Usage: npm run bench -- NAME [--seconds N]',
    ...Object.entries(benches).map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`),
    '  --seconds N  how long each case runs, default 5',
  ].join('\n');

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '5' }, help: { type: 'boolean', default: false } },
});
const [name, ...rest] = positionals;
const bench = name === undefined || !Object.hasOwn(benches, name) ? undefined : benches[name];
const seconds = Number(values.seconds);

if (values.help) console.log(usage());
else if (!bench || rest.length > 0 || !(seconds > 0)) {
  console.error(usage());
  process.exitCode = 2;
} else await bench.run({ seconds });
