/**
 * Verdicts on a recorded history.
 *
 *  - Objects: each is written and read by all; what was read must be explained by a single
 *    register (a GET is a read, a PUT and a DELETE are writes). Lost writes, stale reads, resurrection: all of it.
 *  - Lists: what stood before the call and was not deleted must be in it, what was gone before must not.
 *  - Registers (a container's metadata, written by all through any host): linearizable.
 *  - Names: of all that claimed one, at most one has it.
 */
import { checkLinearizable, type Operation } from '../sim/check/linearizability.ts';
import type { Entry } from './history.ts';

export interface Violation {
  readonly what: string;
  /** Names what it is about: an object, a register, a container, a name. */
  readonly about: string;
  readonly atMs: number;
}

type Of<Kind extends Entry['kind']> = Extract<Entry, { readonly kind: Kind }>;
const isOf = <Kind extends Entry['kind']>(entry: Entry, ...kinds: readonly Kind[]): entry is Of<Kind> =>
  (kinds as readonly string[]).includes(entry.kind);

const groupBy = <T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
};

/** When it ended, as a checker sees it: never, where nobody knows. */
const endOf = (entry: Entry): number =>
  entry.outcome === 'unknown' ? Number.POSITIVE_INFINITY : entry.returnMs;

const operationOf = (entry: Of<'put' | 'delete' | 'get' | 'set' | 'look'>): Operation | undefined => {
  const isRead = entry.kind === 'get' || entry.kind === 'look';
  if (entry.outcome === 'failed' || (isRead && entry.outcome === 'unknown')) return undefined;
  const value =
    entry.kind === 'put' || entry.kind === 'get'
      ? entry.version
      : entry.kind === 'delete'
        ? null
        : entry.value;
  return {
    action: { kind: isRead ? 'read' : 'write', value },
    callMs: entry.callMs,
    returnMs: endOf(entry),
    by: entry.by,
  };
};

const checkRegisters = (
  groups: ReadonlyMap<string, readonly Of<'put' | 'delete' | 'get' | 'set' | 'look'>[]>,
): Violation[] => {
  const violations: Violation[] = [];
  for (const [about, entries] of groups) {
    const verdict = checkLinearizable(entries.flatMap((entry) => operationOf(entry) ?? []));
    if (verdict.ok) continue;
    const { action, returnMs, by } = verdict.operation;
    const possible = verdict.possible.map((value) => value ?? 'nothing').join(' or ');
    violations.push({
      about,
      atMs: returnMs,
      what: `${by} ${action.kind === 'read' ? `read ${action.value ?? 'nothing'}` : `wrote ${'value' in action ? (action.value ?? 'nothing') : ''}`}, explained is only ${possible}`,
    });
  }
  return violations;
};

const checkLists = (entries: readonly Entry[]): Violation[] => {
  const writes = groupBy(
    entries.filter((entry) => isOf(entry, 'put', 'delete') && entry.outcome !== 'failed') as Of<
      'put' | 'delete'
    >[],
    ({ name }) => name,
  );
  const byContainer = groupBy([...writes.keys()], (name) => name.split('/')[0] ?? '');
  const violations: Violation[] = [];
  for (const list of entries) {
    if (list.kind !== 'list' || list.outcome !== 'ok') continue;
    const seen = new Set(list.names);
    for (const name of byContainer.get(list.container) ?? []) {
      const known = writes.get(name) ?? [];
      // The last write that had ended when the list was asked for; whatever may have happened since leaves it open.
      const before = known.filter((write) => endOf(write) < list.callMs);
      const last = before.reduce<Of<'put' | 'delete'> | undefined>(
        (a, b) => (a && a.callMs > b.callMs ? a : b),
        undefined,
      );
      const others = known.filter(
        (write) => write !== last && endOf(write) > (last?.callMs ?? -1) && write.callMs < list.returnMs,
      );
      const mayStand = last?.kind === 'put' || others.some(({ kind }) => kind === 'put');
      const mayLack = last?.kind !== 'put' || others.some(({ kind }) => kind === 'delete');
      const bare = name.slice(name.indexOf('/') + 1);
      if (seen.has(bare) ? !mayStand : !mayLack)
        violations.push({
          about: name,
          atMs: list.returnMs,
          what: `${list.by} listed ${list.container} via ${list.via} and ${seen.has(bare) ? 'found it, though it was deleted' : 'missed it, though it stands'}`,
        });
    }
  }
  return violations;
};

/** `found`: per name the ids that each host shows in the end. */
const checkNames = (
  entries: readonly Entry[],
  found: ReadonlyMap<string, readonly { readonly via: string; readonly ids: readonly string[] }[]>,
): Violation[] => {
  const violations: Violation[] = [];
  for (const [name, claims] of groupBy(
    entries.filter((entry) => isOf(entry, 'claim')) as Of<'claim'>[],
    (claim) => claim.name,
  )) {
    const won = claims.filter(({ outcome }) => outcome === 'ok');
    const atMs = Math.max(...claims.map(({ returnMs }) => returnMs));
    const say = (what: string): void => void violations.push({ about: name, atMs, what });
    if (won.length > 1) say(`${won.map(({ by, id }) => `${by} got it as ${id}`).join(', ')}`);
    for (const { via, ids } of found.get(name) ?? []) {
      if (ids.length > 1) say(`${via} shows it ${ids.length} times: ${ids.join(', ')}`);
      if (won[0] && ids[0] !== won[0].id)
        say(`${won[0].by} got it as ${won[0].id}, ${via} shows ${ids[0] ?? 'none'}`);
    }
  }
  return violations;
};

export const checkHistory = (
  entries: readonly Entry[],
  found: Parameters<typeof checkNames>[1],
): readonly Violation[] => [
  ...checkRegisters(
    groupBy(
      entries.filter((entry) => isOf(entry, 'put', 'delete', 'get')) as Of<'put' | 'delete' | 'get'>[],
      ({ name }) => name,
    ),
  ),
  ...checkRegisters(
    groupBy(
      entries.filter((entry) => isOf(entry, 'set', 'look')) as Of<'set' | 'look'>[],
      ({ register }) => register,
    ),
  ),
  ...checkLists(entries),
  ...checkNames(entries, found),
];

/** What happened to it, with the faults in between. */
export const timelineOf = (
  about: string,
  entries: readonly Entry[],
  faults: readonly { readonly atMs: number; readonly what: string }[],
): readonly string[] => {
  const nameOf = (entry: Entry): string =>
    isOf(entry, 'set', 'look') ? entry.register : isOf(entry, 'list') ? entry.container : entry.name;
  const own = entries.filter((entry) => nameOf(entry) === about);
  const [from, to] = [
    Math.min(...own.map(({ callMs }) => callMs)),
    Math.max(...own.map(({ returnMs }) => returnMs)),
  ];
  const lines = own.map((entry) => {
    const { kind, by, via, callMs, returnMs, outcome, status } = entry;
    const value = isOf(entry, 'put', 'get')
      ? entry.version
      : isOf(entry, 'set', 'look')
        ? entry.value
        : isOf(entry, 'claim')
          ? entry.id
          : '';
    return {
      atMs: callMs,
      text: `${callMs.toFixed(1).padStart(12)} - ${returnMs.toFixed(1)} ms  ${by} via ${via}: ${kind} ${value ?? 'nothing'} ${outcome} (${status})`,
    };
  });
  const between = faults
    .filter(({ atMs }) => atMs >= from - 5_000 && atMs <= to)
    .map(({ atMs, what }) => ({ atMs, text: `${atMs.toFixed(1).padStart(12)} ms  ** ${what}` }));
  return [...lines, ...between].sort((a, b) => a.atMs - b.atMs).map(({ text }) => text);
};
