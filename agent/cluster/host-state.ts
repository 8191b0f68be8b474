/** What each host still has to do: it alone knows. Whoever is asked for the whole asks all that can be reached. */
import type { HostId } from '../../proto/ids.ts';
import type { Members } from '../membership/port.ts';
import type { Rpc } from '../peer/port.ts';
import type { Moving } from '../ring/moving.ts';
import type { DataSize } from '../ring/port.ts';
import { healthAskMs } from './limits.ts';

export interface HostState {
  /** Rows known to differ between it and another owner. */
  readonly rowsToHeal: number;
  /** Hosts with rows in common that it has not compared with since it started or they came back. */
  readonly hostsToCompare: number;
  /** False while it copies the rows that a lost disk held. */
  readonly isWhole: boolean;
  /** False while it has not recalled the votes on layouts that a lost disk held. */
  readonly isVoter: boolean;
  /** Chunks that it must fetch, or that others must get from it. */
  readonly chunksQueued: number;
  readonly chunksDamaged: number;
  readonly layoutNewest: number;
  /** What the newest layout gives it and has not come yet; null: nothing, or not known. */
  readonly moving: Moving | null;
  readonly held: DataSize;
  /** Writes that it has refused lately, for their stamps lay too far in its future. */
  readonly stampsRefused: number;
  /** Its clock as it answers. */
  readonly wallMs: number;
  /** Its data directories that take no more writes, each with the reason. */
  readonly directoriesRetired: readonly string[];
  /** Erasure codes that want more hosts than there are. Absent: an agent that knows of none. */
  readonly codesCrowded?: readonly string[];
  /** What stands still here. Absent: an agent that does not say. */
  readonly waits?: Waits;
}

export interface Waits {
  /** Deleted rows that should be collected by now; the hosts that are missing for it. */
  readonly overdue: {
    readonly forMs: number;
    readonly absent: readonly string[];
    readonly isUnsettled: boolean;
  } | null;
  /** Uploads whose agent died and releases, whose references could not be given back. */
  readonly owed: { readonly users: number; readonly forMs: number };
  /** For so long no chunk that is queued could be copied; of how many nobody who answers has a good copy. */
  readonly repair: { readonly stuckMs: number; readonly alone: number };
}

/** By host; undefined where it did not answer. */
export type HostStates = ReadonlyMap<HostId, HostState | undefined>;

export interface StateOf {
  readonly rpc: Rpc;
  state(): HostState;
}

const method = 'cluster.state';

export const serveState = ({ rpc, state }: StateOf): void => rpc.handle(method, () => state());

const counts = [
  'rowsToHeal',
  'hostsToCompare',
  'chunksQueued',
  'chunksDamaged',
  'layoutNewest',
  'stampsRefused',
  'wallMs',
];
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const hasNumbers = (value: unknown, keys: readonly string[]): boolean =>
  isRecord(value) && keys.every((key) => Number.isFinite(value[key]));

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((text) => typeof text === 'string');

const isWaits = (value: unknown): boolean =>
  isRecord(value) &&
  hasNumbers(value.owed, ['users', 'forMs']) &&
  hasNumbers(value.repair, ['stuckMs', 'alone']) &&
  (value.overdue === null ||
    (hasNumbers(value.overdue, ['forMs']) && isRecord(value.overdue) && isTexts(value.overdue.absent)));

const isState = (value: unknown): value is HostState =>
  isRecord(value) &&
  hasNumbers(value, counts) &&
  hasNumbers(value.held, ['rows', 'bytes']) &&
  isTexts(value.directoriesRetired) &&
  (value.codesCrowded === undefined || isTexts(value.codesCrowded)) &&
  (value.waits === undefined || isWaits(value.waits)) &&
  (value.moving === null || hasNumbers(value.moving, ['rowsLeft', 'bytesLeft']));

export const askStates = async ({ rpc }: StateOf, members: Members): Promise<HostStates> => {
  const asked = members.list().filter((member) => members.isReachable(member.hostId));
  return new Map(
    await Promise.all(
      asked.map(async ({ hostId }) => {
        const answer = await rpc
          .request(hostId, method, {}, { timeoutMs: healthAskMs })
          .catch(() => undefined);
        return [hostId, isState(answer) ? answer : undefined] as const;
      }),
    ),
  );
};

export const known = (states: HostStates): HostState[] =>
  [...states.values()].flatMap((state) => state ?? []);

/** Over all hosts; the slowest one tells when it is done. null: nothing moves, or nobody can tell. */
export const movingOf = (states: HostStates): Moving | null => {
  const all = known(states).flatMap(({ moving }) => moving ?? []);
  if (all.length === 0) return null;
  const seconds = all.map(({ secondsLeft }) => secondsLeft);
  return {
    rowsLeft: all.reduce((sum, { rowsLeft }) => sum + rowsLeft, 0),
    bytesLeft: all.reduce((sum, { bytesLeft }) => sum + bytesLeft, 0),
    secondsLeft: seconds.includes(null) ? null : Math.max(...seconds.map(Number)),
  };
};
