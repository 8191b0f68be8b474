/** Clients of sets that only grow: what was acknowledged before a read began is in it. */
import { ShoalError } from '../../../proto/error.ts';
import { secondMs } from '../../../proto/units.ts';
import type { Tokens } from '../program/tokens.ts';
import type { World } from '../world.ts';

export const additions = (world: World) => {
  const { random } = world;
  const acknowledged = new Map<number, Set<string>>();
  let operations = 0;
  const knownOf = (partition: number): Set<string> => {
    const known = acknowledged.get(partition) ?? new Set();
    acknowledged.set(partition, known);
    return known;
  };
  /** Resolves with true; undefined where it failed. */
  const attempt = async (
    where: string,
    what: string,
    work: () => Promise<void>,
  ): Promise<true | undefined> => {
    operations++;
    try {
      await work();
      world.tell(where, what);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof ShoalError)) world.fail(thrown);
      world.tell(where, what, 'failed', (thrown as ShoalError).code);
      return undefined;
    }
  };
  return {
    get operations() {
      return operations;
    },
    partitions: (): number[] => [...acknowledged.keys()],
    read(tokens: Tokens, partition: number, where: string, stallMs = 0): Promise<true | undefined> {
      return attempt(where, `read ${partition}`, async () => {
        const before = [...knownOf(partition)];
        const found = await tokens.read(partition, stallMs);
        const missing = before.filter((token) => !found.has(token));
        if (missing.length > 0)
          world.fail(
            new Error(
              `${where} read partition ${partition} without ${missing.join(', ')}, which was acknowledged`,
            ),
          );
      });
    },
    act(tokens: Tokens, partitions: number, where: string): Promise<true | undefined> {
      const partition = random.int(partitions);
      const stallMs = random.chance(0.3) ? random.exponential(random.pick([50, secondMs, 5 * secondMs])) : 0;
      if (random.chance(0.4)) return this.read(tokens, partition, where, stallMs);
      const token = `t${operations}`;
      return attempt(where, `add ${token} to ${partition}`, async () => {
        await tokens.add(partition, token, stallMs);
        knownOf(partition).add(token);
      });
    },
  };
};
