/** What operators do to layouts while all else goes on: hosts are drained and taken back, copies are fewer or more, changes are held. */
import type { OwnRing } from '../../agent/ring/open-ring.ts';
import type { HostId } from '../../proto/ids.ts';
import { secondMs } from '../../proto/units.ts';
import type { Harm } from './nemesis.ts';
import type { Node, Program } from './node.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

/** Then it is asked of another host: the one that was asked may be gone with the answer. */
const patienceMs = 3 * secondMs;
/** One that ran at the same time may have won, one that was not confirmed may still come to light: both are gone above. */
const doubtMs = 20 * secondMs;
const replicasUsual = 3;

export const operatorHarms = <P extends Program>(parts: {
  readonly world: World;
  readonly nodes: readonly Node<P>[];
  readonly random: Prng;
  ringOf(node: Node<P>): OwnRing | undefined;
}): Record<string, Harm> => {
  const { world, nodes, random, ringOf } = parts;
  /** By what it is about: the newest wish. An older one that was not confirmed yet is not repeated. */
  const newest = new Map<string, object>();
  /** Attempts that have not been confirmed. */
  const open = new Map<string, number>();
  const count = (about: string, by: number): void => void open.set(about, (open.get(about) ?? 0) + by);

  const wish = (about: string, work: (ring: OwnRing) => Promise<void>, isMoot = () => false): void => {
    const own = {};
    newest.set(about, own);
    let isDoubtful = (open.get(about) ?? 0) > 0;
    let isConfirmed = false;
    const attempt = (): void => {
      if (newest.get(about) !== own || isMoot()) return;
      const ring = nodes.length > 0 ? ringOf(random.pick(nodes)) : undefined;
      if (ring) {
        count(about, 1);
        work(ring).then(
          () => {
            count(about, -1);
            isConfirmed = true;
          },
          () => {},
        );
        world.wake();
      }
      world.after(patienceMs, () => {
        if (!isConfirmed) attempt();
        else if (isDoubtful) world.after(doubtMs, attempt);
        isDoubtful = (open.get(about) ?? 0) > 0;
      });
    };
    attempt();
  };
  const drain = (id: HostId, isDrained: boolean): void =>
    wish(
      `drain ${id}`,
      (ring) => ring.drain(id, isDrained, 'operator'),
      () => !nodes.some((node) => node.id === id),
    );

  return {
    drain() {
      const { id } = random.pick(nodes);
      drain(id, true);
      return { what: `drain ${id}`, mend: () => drain(id, false) };
    },
    replicas() {
      const count = 1 + random.int(replicasUsual);
      wish('replicas', (ring) => ring.setReplicas(count, 'operator'));
      return {
        what: `${count} replicas`,
        mend: () => wish('replicas', (ring) => ring.setReplicas(replicasUsual, 'operator')),
      };
    },
    'held layout'() {
      wish('paused', (ring) => ring.pause(true, 'operator'));
      return { what: 'layout held', mend: () => wish('paused', (ring) => ring.pause(false, 'operator')) };
    },
  };
};
