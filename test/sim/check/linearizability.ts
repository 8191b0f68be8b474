/**
 * Is this history of one register linearizable: can each operation be given a moment between its call and its return
 * so that, in the order of these moments, every result is what a single register would have answered?
 *
 * Wing and Gong's search, just in time (Lowe, "Testing for linearizability", 2017): walk through calls and returns
 * in order of time and keep every configuration that explains them so far: the register's value, and which of
 * the operations under way have taken effect already. At the return of an operation it must have: from each
 * configuration try all orders of pending operations that lead to its effect. Equal configurations are met once
 * (memoisation). No configuration left: no explanation exists. So it is sound and complete.
 *
 * An operation whose outcome nobody knows never returns: it may take effect at any later time, or never. Two rules keep
 * the number of pending operations small without changing any verdict:
 *  - one whose value no operation ever met is left out: where it took effect, nobody looked before the next write,
 *    so without it every result is the same;
 *  - one that alone can have brought a value has taken effect when the first operation that met it returns.
 */
export type RegisterValue = string | null;

export type Action =
  /** It got `value`; a compare-and-set that was refused is a read of what it saw. */
  | { readonly kind: 'read'; readonly value: RegisterValue }
  | { readonly kind: 'write'; readonly value: RegisterValue }
  /** It found `expected` and put `value`. */
  | { readonly kind: 'cas'; readonly expected: RegisterValue; readonly value: RegisterValue };

export interface Operation {
  readonly action: Action;
  readonly callMs: number;
  /** Infinity: the outcome is not known. A read or refusal without an outcome is no operation. */
  readonly returnMs: number;
  /** For the report. */
  readonly by?: string;
}

export type Verdict =
  | { readonly ok: true }
  /** The first return that cannot be explained, and what the register may have held just before. */
  | { readonly ok: false; readonly operation: Operation; readonly possible: readonly RegisterValue[] };

/** Bits of a configuration; far more than clients, and operations of unknown outcome that matter are few. */
const pendingMax = 30;

interface Configuration {
  readonly value: RegisterValue;
  /** One bit for each slot whose operation has taken effect. */
  readonly done: number;
}

export const checkLinearizable = (history: readonly Operation[], initial: RegisterValue = null): Verdict => {
  const slots: (Operation | undefined)[] = [];
  let configurations: readonly Configuration[] = [{ value: initial, done: 0 }];

  for (const { operation, isCall } of eventsOf(bounded(withoutUnseen(history), initial))) {
    if (isCall) {
      const free = slots.indexOf(undefined);
      const slot = free < 0 ? slots.length : free;
      if (slot >= pendingMax) throw new Error(`cannot check: more than ${pendingMax} operations at once`);
      slots[slot] = operation;
      continue;
    }
    const slot = slots.indexOf(operation);
    const explained = explain(slots, slot, configurations);
    if (explained.length === 0) {
      const possible = [...new Set(configurations.map(({ value }) => value))];
      return { ok: false, operation, possible };
    }
    slots[slot] = undefined;
    configurations = withoutDominated(slots, explained);
  }
  return { ok: true };
};

/**
 * Whatever follows from a configuration follows as well from one that is equal but for unknown operations that have not taken
 * effect yet: they may, and need not. Without this a few unknown operations double the work again and again.
 */
const withoutDominated = (
  slots: readonly (Operation | undefined)[],
  configurations: readonly Configuration[],
): Configuration[] => {
  const unknown = slots.reduce(
    (bits, each, at) => (each?.returnMs === Infinity ? bits | (1 << at) : bits),
    0,
  );
  const groups = new Map<string, Configuration[]>();
  for (const each of configurations) {
    const key = keyOf({ ...each, done: each.done & ~unknown });
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    if (group.some(({ done }) => (done & ~each.done) === 0)) continue;
    groups.set(key, [...group.filter(({ done }) => (each.done & ~done) !== 0), each]);
  }
  return [...groups.values()].flat();
};

/** All configurations in which the operation of `slot` has taken effect; its bit is free again in them. */
const explain = (
  slots: readonly (Operation | undefined)[],
  slot: number,
  from: readonly Configuration[],
): Configuration[] => {
  const bit = 1 << slot;
  const found = new Map<string, Configuration>();
  const seen = new Set<string>();
  const open = [...from];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, done } = next;
    if (done & bit) {
      const rest = { value, done: done & ~bit };
      found.set(keyOf(rest), rest);
      continue;
    }
    if (seen.has(keyOf(next))) continue;
    seen.add(keyOf(next));
    slots.forEach((operation, at) => {
      if (!operation || done & (1 << at)) return;
      // Of unknown operations that do the same the first that is left stands for all.
      const isSame = (other: Operation | undefined, index: number): boolean =>
        other !== undefined && (done & (1 << index)) === 0 && isAlike(other, operation);
      if (operation.returnMs === Infinity && slots.slice(0, at).some(isSame)) return;
      const after = effect(operation.action, value);
      if (after !== undefined) open.push({ value: after, done: done | (1 << at) });
    });
  }
  return [...found.values()];
};

/** The value afterwards; undefined: with this value the action cannot have had its result. */
const effect = (action: Action, value: RegisterValue): RegisterValue | undefined => {
  if (action.kind === 'write') return action.value;
  if (action.kind === 'read') return action.value === value ? value : undefined;
  return action.expected === value ? action.value : undefined;
};

const isAlike = (a: Operation, b: Operation): boolean =>
  a.returnMs === b.returnMs &&
  a.action.kind === b.action.kind &&
  a.action.value === b.action.value &&
  (a.action.kind !== 'cas' || b.action.kind !== 'cas' || a.action.expected === b.action.expected);

const keyOf = ({ value, done }: Configuration): string => `${done} ${value === null ? '' : `=${value}`}`;

/** At one moment calls come before returns: operations that touch count as concurrent. */
const eventsOf = (history: readonly Operation[]) =>
  history
    .flatMap((operation) => [
      { operation, isCall: true, atMs: operation.callMs },
      ...(operation.returnMs === Infinity ? [] : [{ operation, isCall: false, atMs: operation.returnMs }]),
    ])
    .sort((a, b) => a.atMs - b.atMs || Number(b.isCall) - Number(a.isCall));

/** Leaves out unknown writes whose value nobody met. What an unknown compare-and-set wanted counts as met. */
const withoutUnseen = (history: readonly Operation[]): readonly Operation[] => {
  const met = new Set<RegisterValue>();
  let kept = history.filter(({ returnMs }) => returnMs < Infinity);
  let unknown = history.filter(({ returnMs, action }) => returnMs === Infinity && action.kind !== 'read');
  const meet = (operation: Operation): void => {
    const found = metBy(operation);
    if (found !== undefined) met.add(found);
  };
  kept.forEach(meet);
  for (;;) {
    const seen = unknown.filter(({ action }) => met.has(action.value as RegisterValue));
    if (seen.length === 0) return kept;
    unknown = unknown.filter((operation) => !seen.includes(operation));
    kept = [...kept, ...seen];
    seen.forEach(meet);
  }
};

/** What an operation found: a read its value, a compare-and-set what it expected. */
const metBy = ({ action }: Operation): RegisterValue | undefined =>
  action.kind === 'read' ? action.value : action.kind === 'cas' ? action.expected : undefined;

/** Gives unknown operations a return where one is certain. */
const bounded = (history: readonly Operation[], initial: RegisterValue): readonly Operation[] => {
  const makers = new Map<RegisterValue, number>([[initial, 1]]);
  const firstMetMs = new Map<RegisterValue, number>();
  for (const operation of history) {
    const { action, returnMs } = operation;
    if (action.kind !== 'read') makers.set(action.value, (makers.get(action.value) ?? 0) + 1);
    const met = metBy(operation);
    if (met !== undefined) firstMetMs.set(met, Math.min(returnMs, firstMetMs.get(met) ?? Infinity));
  }
  return history.map((operation) => {
    const { action, callMs, returnMs } = operation;
    const metMs = firstMetMs.get(action.value) ?? Infinity;
    if (returnMs < Infinity || makers.get(action.value) !== 1 || metMs < callMs) return operation;
    return { ...operation, returnMs: metMs };
  });
};

/** The first fault of all histories, in words. */
export const linearizabilityFaults = (histories: ReadonlyMap<string, Iterable<Operation>>): string[] => {
  for (const [name, history] of histories) {
    const verdict = checkLinearizable([...history]);
    if (verdict.ok) continue;
    const { by, action, callMs, returnMs } = verdict.operation;
    return [
      `${name} is not linearizable: ${by} got ${JSON.stringify(action)} from ${callMs.toFixed(1)} ` +
        `to ${returnMs.toFixed(1)} ms, possible before: ${verdict.possible.join(', ') || 'nothing'}`,
    ];
  }
  return [];
};
