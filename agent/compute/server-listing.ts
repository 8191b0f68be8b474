/** Which servers a listing shows, in which order, and where it goes on: pure, but for reading the query. */
import { ShoalError } from '../../proto/error.ts';
import { listingMax } from './limits.ts';
import { compilePattern } from './pattern.ts';
import type { Server } from './records.ts';
import { powerStateOf, statusOf } from './server-state.ts';
import { addressesOf } from './server-view.ts';

type Test = (server: Server) => boolean;

const bad = (message: string): ShoalError => new ShoalError('BAD_REQUEST', message);

/** `host` is a name or an id; the caller knows both. */
export interface ListingNames {
  hostName(hostId: string | null): string | null;
}

const equals =
  (field: (server: Server) => string | number | null) =>
  (wanted: string): Test =>
  (server) =>
    String(field(server) ?? '') === wanted;

const matches =
  (field: (server: Server) => string) =>
  (pattern: string): Test => {
    const test = compilePattern(pattern);
    return (server) => test(field(server));
  };

const refOf = (text: string): string => text.slice(text.lastIndexOf('/') + 1);

const changedSince = (text: string): Test => {
  const sinceMs = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(sinceMs))
    throw bad(`Invalid changes-since value: ${text}`);
  return (server) => server.updatedAtMs >= sinceMs;
};

const firstAddress = (server: Server): string => Object.values(addressesOf(server)).flat()[0]?.addr ?? '';

const anyoneMay: Readonly<Record<string, (wanted: string) => Test>> = {
  name: matches(({ name }) => name),
  flavor:
    (wanted) =>
    ({ flavor }) =>
      flavor.id === refOf(wanted),
  image:
    (wanted) =>
    ({ image }) =>
      image.id === refOf(wanted),
  ip: matches(firstAddress),
  ip6: matches(() => ''),
  'changes-since': changedSince,
  uuid: equals(({ id }) => id),
  key_name: equals(({ key }) => key?.name ?? null),
  user_id: equals(({ userId }) => userId),
  vm_state: equals(({ vmState }) => vmState),
  task_state: equals(({ taskState }) => taskState),
  power_state: equals(powerStateOf),
};

const testsOf = (query: URLSearchParams, isAdmin: boolean, names: ListingNames): readonly Test[] => {
  const tests: Test[] = [];
  for (const [name, filter] of Object.entries(anyoneMay)) {
    const wanted = query.get(name);
    if (wanted !== null && wanted !== '') tests.push(filter(wanted));
  }
  const statuses = query.getAll('status').map((status) => status.toUpperCase());
  if (statuses.length > 0) tests.push((server) => statuses.includes(statusOf(server)));
  const host = query.get('host');
  if (host && isAdmin) tests.push((server) => host === server.host || host === names.hostName(server.host));
  const project = query.get('project_id') ?? query.get('tenant_id');
  if (project && isAdmin) tests.push((server) => server.projectId === project);
  const deleted = query.get('deleted');
  if (deleted && isAdmin && /^(1|t|true|yes|on)$/i.test(deleted)) tests.push(() => false);
  return tests;
};

const sortFields: Readonly<Record<string, (server: Server) => string | number>> = {
  created_at: ({ createdAtMs }) => createdAtMs,
  updated_at: ({ updatedAtMs }) => updatedAtMs,
  display_name: ({ name }) => name,
  uuid: ({ id }) => id,
  vm_state: ({ vmState }) => vmState,
  task_state: ({ taskState }) => taskState ?? '',
  host: ({ host }) => host ?? '',
};

const compareBy = (query: URLSearchParams): ((a: Server, b: Server) => number) => {
  const keys = query.getAll('sort_key').filter((key) => key in sortFields);
  const directions = query.getAll('sort_dir');
  for (const direction of directions)
    if (direction !== 'asc' && direction !== 'desc')
      throw bad(`Unknown sort direction, must be 'asc' or 'desc'`);
  // Nova's own order ends every other one, so that pages neither overlap nor leave gaps.
  const orders = [...keys, 'created_at', 'uuid'].map((key, place) => ({
    field: sortFields[key] ?? (() => ''),
    sign: (directions[place] ?? directions.at(-1) ?? 'desc') === 'asc' ? 1 : -1,
  }));
  return (a, b) => {
    for (const { field, sign } of orders) {
      const [x, y] = [field(a), field(b)];
      if (x !== y) return x < y ? -sign : sign;
    }
    return 0;
  };
};

const limitOf = (query: URLSearchParams): number => {
  const text = query.get('limit');
  if (text === null) return listingMax;
  if (!/^\d+$/.test(text)) throw bad(`Invalid input for query parameters limit. Value: ${text}`);
  return Math.min(Number(text), listingMax);
};

export const pickServers = (
  servers: readonly Server[],
  query: URLSearchParams,
  caller: { readonly isAdmin: boolean },
  names: ListingNames,
): { readonly page: readonly Server[]; readonly more: boolean } => {
  const tests = testsOf(query, caller.isAdmin, names);
  const limit = limitOf(query);
  const compare = compareBy(query);
  const found = servers.filter((server) => tests.every((test) => test(server))).sort(compare);
  const marker = query.get('marker');
  let from = 0;
  if (marker !== null) {
    // The marker may fail the filter, or have changed since its page was sent: its place in the order counts.
    const last = servers.find(({ id }) => id === marker);
    if (!last) throw bad(`marker [${marker}] not found`);
    const next = found.findIndex((server) => compare(server, last) > 0);
    from = next < 0 ? found.length : next;
  }
  return { page: found.slice(from, from + limit), more: limit > 0 && found.length > from + limit };
};
