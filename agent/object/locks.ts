/**
 * What keeps a version from being deleted, and the end of a version that nothing keeps. A row that is replaced whole
 * would let two who speak at once lose each other's word, so what is said after the upload stands in a register:
 *
 *   object-lock   register  incarnation / name NUL upload
 *
 * A deletion seals the register first, and finds any lock that was acknowledged before; a lock that comes later finds
 * the seal, or, when that is gone with the version, looks for the version in vain.
 */
import { ShoalError } from '../../proto/error.ts';
import { dayMs } from '../../proto/units.ts';
import type { Clock } from '../runtime/ports.ts';
import type { DefaultRetention } from './bucket-settings.ts';
import { checkUnlocked, type Lock } from './lock.ts';
import type { Place } from './object-turn.ts';
import { multipartKey, type ObjectRow, type Records } from './records.ts';

/** Of a version that is made now. */
export const defaultLock = (retention: DefaultRetention | undefined, nowMs: number): Lock | undefined => {
  if (!retention) return undefined;
  const days = (retention.days ?? 0) + 365 * (retention.years ?? 0);
  return { retention: { mode: retention.mode, untilMs: nowMs + days * dayMs } };
};

type Version = Pick<ObjectRow, 'upload' | 'lock'>;

export const openLocks = ({
  records: { locks },
  clock,
}: {
  readonly records: Records;
  readonly clock: Clock;
}) => {
  const keyOf = ({ name }: Place, { upload }: Version): string => multipartKey(name, upload);
  const gone = ({ name }: Place): ShoalError =>
    new ShoalError('NOT_FOUND', `There is no such version of ${JSON.stringify(name)}: it was deleted.`);

  const clear = async (place: Place, version: Version): Promise<void> => {
    await locks.change(place.id, keyOf(place, version), () => undefined);
  };

  return {
    /** Costs nothing where the bucket knows no locks. */
    get: async (place: Place, version: Version): Promise<Lock | undefined> =>
      (place.locking ? await locks.get(place.id, keyOf(place, version)) : undefined) ?? version.lock,

    /** Throws NOT_FOUND, and what `change` throws. */
    async change(
      place: Place,
      version: Version,
      change: (old: Lock, nowMs: number) => Lock,
      isThere: () => Promise<boolean>,
    ): Promise<void> {
      await locks.change(place.id, keyOf(place, version), (row) => {
        if (row?.isSealed) throw gone(place);
        return change(row ?? version.lock ?? {}, clock.wallMs());
      });
      if (await isThere()) return;
      await clear(place, version);
      throw gone(place);
    },

    /** Before a version is deleted. Throws FORBIDDEN. */
    async seal(place: Place, version: Version, bypasses: boolean): Promise<void> {
      if (!place.locking) return checkUnlocked(version, clock.wallMs(), bypasses);
      await locks.change(place.id, keyOf(place, version), (row) => {
        const lock = row ?? version.lock;
        checkUnlocked({ lock }, clock.wallMs(), bypasses);
        return { ...lock, isSealed: true };
      });
    },

    /** After it was. */
    unseal: async (place: Place, version: Version): Promise<void> => {
      if (place.locking) await clear(place, version);
    },
  };
};
