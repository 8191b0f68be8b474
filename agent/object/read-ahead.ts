/**
 * What a PUT is about to replace, read along with its container's register, at the place where the container's name led the
 * last time: a round trip less. It is as good as a reading in the object's turn if the name still leads there and no other
 * change of the object ended here meanwhile; that another host may have made one is so with any reading (`objects.ts`), so
 * it is not kept for long.
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Clock } from '../runtime/ports.ts';
import type { RowForPut } from '../table/port.ts';
import type { Containers } from './containers.ts';
import { aheadMsMax, recentChangesMax } from './limits.ts';
import type { ObjectPath } from './name.ts';
import type { ObjectRow, Records } from './records.ts';

interface Named {
  readonly id: Uuid;
  readonly name: string;
}

export interface Ahead extends Named {
  readonly reading: Promise<RowForPut<ObjectRow>>;
  readonly beganMs: number;
  /** Changes that had ended here when it began. */
  readonly changes: number;
}

const keyOf = ({ id, name }: Named): string => `${id}/${name}`;

export const openReadAhead = ({
  records: { objects },
  containers,
  clock,
}: {
  readonly records: Pick<Records, 'objects'>;
  readonly containers: Pick<Containers, 'lastIncarnation'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}) => {
  /** The number of each object's last change, in their order. */
  const last = new Map<string, number>();
  let changes = 0;
  /** No change up to here is remembered. */
  let forgotten = 0;

  const isUnchanged = (ahead: Ahead): boolean =>
    forgotten <= ahead.changes && (last.get(keyOf(ahead)) ?? 0) <= ahead.changes;

  return {
    /** To be called when a change of the object has ended, well or not. */
    changed(place: Named): void {
      const key = keyOf(place);
      last.delete(key);
      last.set(key, ++changes);
      const [oldest] = last;
      if (last.size <= recentChangesMax || !oldest) return;
      last.delete(oldest[0]);
      [, forgotten] = oldest;
    },

    /** Undefined: the container was not looked up here for a long time. */
    begin({ project, container, object: name }: ObjectPath): Ahead | undefined {
      const id = containers.lastIncarnation(project, container);
      if (id === undefined) return undefined;
      const reading = objects.getForPut(id, name);
      // Nobody may come to wait for it.
      reading.catch(() => {});
      return { id, name, reading, beganMs: clock.monotonicMs(), changes };
    },

    /** In the object's turn: what is there, as it was read ahead or else as it is read now. */
    held({ id, name }: Named, ahead: Ahead | undefined): Promise<RowForPut<ObjectRow>> {
      const read = (): Promise<RowForPut<ObjectRow>> => objects.getForPut(id, name);
      const isGood =
        ahead?.id === id &&
        ahead.name === name &&
        clock.monotonicMs() - ahead.beganMs <= aheadMsMax &&
        isUnchanged(ahead);
      return isGood ? ahead.reading.catch(read) : read();
    },
  };
};
