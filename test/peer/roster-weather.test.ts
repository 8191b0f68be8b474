/** Many changes by all hosts while links are cut and hosts are killed: one chain, whatever comes. The draws are a seed. */
import test from 'ava';
import { newHostKey } from '../../agent/peer/host-key.ts';
import { hasCode } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { RosterStep } from '../../proto/message/roster.ts';
import { prng } from '../sim/prng.ts';
import { openTown, type Townsman } from './roster-town.ts';

const rounds = 12;

test('roster: under cuts, kills and changes by everyone the chain never forks, and what was confirmed stays', async (t) => {
  t.timeout(600_000);
  const seed = Date.now();
  t.log(`seed ${seed}`);
  const chance = prng(seed);
  const town = await openTown(t);
  const first = await town.found();
  const men: Townsman[] = [first];
  for (let index = 2; index <= 4; index++) men.push(await town.join(first, `host-${index}`));
  await town.meet(...men);
  const confirmed = new Map<HostId, 'in' | 'out'>();
  let [done, missed, names] = [0, 0, 10];

  const change = async (by: Townsman): Promise<void> => {
    const known = [...confirmed].filter(([, state]) => state === 'in').map(([host]) => host);
    const target = known.length > 0 && chance.chance(0.4) ? chance.pick(known) : undefined;
    try {
      if (target) {
        confirmed.delete(target);
        await by.roster.remove(target);
        confirmed.set(target, 'out');
      } else {
        const host = newHostKey().hostId;
        await by.roster.add(host, `host-${names++}`);
        confirmed.set(host, 'in');
      }
      done++;
    } catch (thrown) {
      // It may have happened or not; what is not right is any other word.
      if (!hasCode(thrown, 'QUORUM_MISSED', 'TIMEOUT', 'CONTENDED')) throw thrown;
      missed++;
    }
  };

  for (let round = 0; round < rounds; round++) {
    town.heal();
    await town.meet(...men);
    const lonely = chance.chance(0.4) ? chance.pick(men) : undefined;
    for (const other of men) if (lonely && other !== lonely) town.cut(lonely, other);
    if (chance.chance(0.4)) await chance.pick(men).restart();
    await Promise.all(men.filter((man) => man !== lonely).map(change));
  }
  town.heal();
  await town.meet(...men);

  const steps = new Map<number, string>();
  for (const man of men)
    for (const step of man.roster.tale().steps as readonly RosterStep[]) {
      const text = JSON.stringify([step.change, step.previous, step.by]);
      t.is(steps.get(step.version) ?? text, text, `step ${step.version} is the same everywhere`);
      steps.set(step.version, text);
    }
  for (const man of men) {
    t.deepEqual(man.roster.position(), first.roster.position());
    for (const [host, state] of confirmed) t.is(man.roster.has(host), state === 'in');
  }
  t.true(done > rounds, `${done} changes`);
  t.log(`${done} changes confirmed, ${missed} not, ${first.roster.position().version} steps`);
});
