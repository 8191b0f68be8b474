/**
 * Membership at size, next to Serf's published simulator: `npm run sim:membership -- --members 1000 --loss 0 --dead 0`.
 * Everything is the agent's own code in virtual time; the same seed gives the same numbers. `--long` runs minutes of
 * trouble at full size as well. Exits with 1 when a target is missed.
 */
import { parseArgs } from 'node:util';
import { secondMs } from '../../proto/units.ts';
import {
  measureCost,
  measureFalseDeaths,
  measureOneWayCuts,
  measureRollingRestart,
  measureSpread,
  measureStorm,
  type Pauses,
  type ScaleOptions,
} from '../membership/scale.ts';

const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '1000' },
    loss: { type: 'string', default: '0' },
    dead: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    long: { type: 'boolean', default: false },
  },
});
const numberOf = (name: 'members' | 'loss' | 'dead' | 'seed', min: number, max: number): number => {
  const number = Number(values[name]);
  if (number >= min && number <= max) return number;
  throw new Error(`Cannot use --${name} ${values[name]}: it is a number from ${min} to ${max}`);
};
const options: ScaleOptions = {
  members: numberOf('members', 8, 20_000),
  loss: numberOf('loss', 0, 0.5),
  dead: numberOf('dead', 0, 0.5),
  seed: numberOf('seed', 0, 2 ** 31),
};
const { members, loss, dead } = options;

/** hashicorp/serf's simulator: 200 ms gossip, fanout 3. A fifth above it is our target. */
const serfMs = loss >= 0.25 ? 3_200 : members > 1_000 ? 2_600 : 2_200;
const targetMs = serfMs * 1.2;
const bytesPerSecondMax = 2_000;
const lifeguardFactorMin = 50;
/** Minutes of trouble among so many tell enough; `--long` runs them at full size. */
const longRunMembersMax = values.long ? members : 300;

let missed = 0;
const started = performance.now();
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
const print = (what: string, value: string, isGood?: boolean, target = ''): void => {
  if (isGood === false) missed++;
  const verdict = isGood === undefined ? '' : isGood ? 'ok' : 'MISSED';
  const line = `${what.padEnd(58)} ${value.padStart(22)}  ${verdict.padEnd(6)}  ${target}`;
  process.stdout.write(`${line.trimEnd()}\n`);
};

process.stdout.write(
  `${members} members, ${loss * 100} % loss, ${dead * 100} % dead unknown to all, seed ${options.seed}\n`,
);
const spread = measureSpread(options);
const serf = `Serf: ${seconds(serfMs)}; target ${seconds(targetMs)}`;
print('join: until 99.99 % know', seconds(spread.joinMs), spread.joinMs <= targetMs, serf);
print('leave: until 99.99 % know', seconds(spread.leaveMs), spread.leaveMs <= targetMs, serf);
print(
  'crash: first said dead, until 99.99 % know',
  seconds(spread.crashMs),
  spread.crashMs <= targetMs,
  serf,
);
print('crash: killed, until suspected by one', seconds(spread.suspectedMs));
print('crash: killed, until said dead by one', seconds(spread.deadMs));

const cost = measureCost(options);
const bytes = (count: number): string => `${Math.round(count)} B/s`;
const most = cost.swimBytesPerSecond + cost.busyVitalsBytesPerSecond;
print('quiet: messages a host', `${cost.messagesPerSecond.toFixed(2)} /s`);
print('quiet: membership, a host sends', bytes(cost.swimBytesPerSecond));
print('loads without news, a host sends', bytes(cost.quietVitalsBytesPerSecond));
print('loads that are news each second everywhere', bytes(cost.busyVitalsBytesPerSecond));
print('both at most', bytes(most), most <= bytesPerSecondMax, `target ${bytesPerSecondMax} B/s`);

const smaller = { ...options, members: Math.min(members, longRunMembersMax) };
if (smaller.members < members)
  process.stdout.write(`What follows with ${smaller.members} members (--long: with all).\n`);
const patterns: readonly (readonly [string, Pauses])[] = [
  ['asleep 2 s, awake 64 ms', { asleepMs: 2 * secondMs, awakeMs: 64, sick: 0.1, forMs: 60 * secondMs }],
  [
    'asleep 16 s, awake 4 s',
    { asleepMs: 16 * secondMs, awakeMs: 4 * secondMs, sick: 0.1, forMs: 120 * secondMs },
  ],
];
for (const [name, pauses] of patterns) {
  const [plain, guarded] = [false, true].map((lifeguard) => measureFalseDeaths(smaller, pauses, lifeguard));
  if (!plain || !guarded) continue;
  const isGood = guarded.healthy * lifeguardFactorMin <= plain.healthy;
  print(
    `a tenth ${name}: healthy hosts said dead`,
    `${plain.healthy} -> ${guarded.healthy}`,
    plain.healthy > 0 || guarded.healthy > 0 ? isGood : undefined,
    'without -> with Lifeguard, target 50 times fewer',
  );
  print(`a tenth ${name}: sleepers said dead`, `${plain.sick} -> ${guarded.sick}`);
}
const stormMs = measureStorm(options, 100);
const stormMax = 2 * targetMs;
print(
  '100 join at once: until 99.99 % know them',
  seconds(stormMs),
  stormMs <= stormMax,
  `target ${seconds(stormMax)}`,
);
for (const graceful of [true, false]) {
  const { settledMs, falseDeaths } = measureRollingRestart(smaller, graceful);
  const how = graceful ? 'all restarted in turn, with a word' : 'all killed in turn, back after 1 s';
  print(`${how}: until all agree`, seconds(settledMs), settledMs < 60 * secondMs, 'target 60 s');
  print(`${how}: said dead`, String(falseDeaths), falseDeaths === 0, 'target 0');
}
const cuts = measureOneWayCuts(smaller);
print('a twentieth hears only half of the others: said dead', String(cuts.ever));
print('... and still held dead by someone after 5 min', String(cuts.last), cuts.last === 0, 'target 0');

process.stdout.write(
  `took ${seconds(performance.now() - started)}, at most ${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB\n`,
);
process.exit(missed > 0 ? 1 : 0);
