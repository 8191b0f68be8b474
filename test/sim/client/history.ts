/** What clients did to one key, as the checker wants it: outcomes may come late, or never. */
import { hasCode } from '../../../proto/error.ts';
import type { Operation, RegisterValue } from '../check/linearizability.ts';
import type { World } from '../world.ts';

type Recorded = { -readonly [Key in keyof Operation]: Operation[Key] };

export type Histories = Map<string, Set<Operation>>;

export const historyOf = (histories: Histories, key: string): Set<Operation> => {
  const held = histories.get(key) ?? new Set();
  histories.set(key, held);
  return held;
};

/** What `next` of a compare-and-set throws: the register held something else. */
export class Mismatch extends Error {
  readonly seen: RegisterValue;
  constructor(seen: RegisterValue) {
    super('mismatch');
    this.seen = seen;
  }
}

/** Errors that say that an operation could not be done, or not be seen through; anything else is a bug. */
const isWeather = (thrown: unknown): boolean =>
  hasCode(
    thrown,
    'QUORUM_MISSED',
    'STALE_LAYOUT',
    'DISK_FULL',
    'BUSY',
    'TIMEOUT',
    'UNREACHABLE',
    'ABORTED',
  ) ||
  // A call that only the next version knows, of a host that runs it already.
  (hasCode(thrown, 'NOT_IMPLEMENTED') && (thrown as Error).message.endsWith('.next')) ||
  // Rows rot on the disk of an owner that was asked to heal them: it is not believed, and may be asked again.
  (hasCode(thrown, 'DAMAGED') && (thrown as Error).message.startsWith('Cannot read a row')) ||
  // A host whose clock is hours ahead is told so.
  (hasCode(thrown, 'BAD_REQUEST') && (thrown as Error).message.includes('ahead of this host'));

/** The error's code, for the timeline; a bug ends the run. */
export const codeOf = (world: World, thrown: unknown): string => {
  if (hasCode(thrown, 'CONTENDED')) return 'CONTENDED';
  if (!isWeather(thrown)) world.fail(thrown);
  return (thrown as { code?: string }).code ?? String(thrown);
};

/** Runs `work`, which resolves with what was done, and keeps the entry of the history true. Never rejects. */
export const record = async (
  world: World,
  history: Set<Operation>,
  wanted: Operation['action'],
  where: string,
  work: () => Promise<Operation['action']>,
): Promise<Operation['action'] | undefined> => {
  const operation: Recorded = { action: wanted, callMs: world.nowMs(), returnMs: Infinity, by: where };
  if (wanted.kind !== 'read') history.add(operation);
  const end = (action: Operation['action']): Operation['action'] => {
    operation.action = action;
    operation.returnMs = world.nowMs();
    history.add(operation);
    world.tell(where, action.kind, String(action.value), `since ${operation.callMs.toFixed(1)}`);
    return action;
  };
  try {
    return end(await work());
  } catch (thrown) {
    if (thrown instanceof Mismatch) return end({ kind: 'read', value: thrown.seen });
    const code = codeOf(world, thrown);
    if (code === 'CONTENDED') history.delete(operation);
    world.tell(where, wanted.kind, String(wanted.value), code, `since ${operation.callMs.toFixed(1)}`);
    return undefined;
  }
};
