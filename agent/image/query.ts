/** Which images a list shows, in which order: Glance's filters, sorting and paging as pure functions over rows. */
import { ShoalError } from '../../proto/error.ts';
import { isAdmin, type Principal } from '../http/port.ts';
import { isOwner } from './access.ts';
import { listImagesDefault, listImagesMax } from './limits.ts';
import { visibilities } from './properties.ts';
import type { ImageRow } from './records.ts';
import { imageView } from './view.ts';

const refuse = (message: string): never => {
  throw new ShoalError('BAD_REQUEST', message);
};

type View = Readonly<Record<string, unknown>>;
type Test = (row: ImageRow, view: View) => boolean;

const number = (name: string, text: string): number =>
  /^\d{1,15}$/.test(text)
    ? Number(text)
    : refuse(`Unable to filter on a range with a non-numeric value: ${name}`);

const flag = (name: string, text: string): boolean => {
  const lower = text.toLowerCase();
  if (lower !== 'true' && lower !== 'false')
    refuse(`Invalid value '${text}' for '${name}' filter. Valid values are 'true' or 'false'.`);
  return lower === 'true';
};

/** `in:a,"b,c"`: commas inside quotes belong to the value. */
const splitValues = (text: string): readonly string[] => {
  if (!/^("[^"]*"|[^",]*)(,("[^"]*"|[^",]*))*$/.test(text))
    refuse(`Invalid filter value ${text}. The quote is not closed.`);
  return [...text.matchAll(/"([^"]*)"|([^",]+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
};

const listable = ['container_format', 'disk_format', 'id', 'name', 'status', 'owner'];

const compare: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  eq: (a, b) => a === b,
  neq: (a, b) => a !== b,
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
};

const timeTest = (name: string, text: string): Test => {
  const [, operator = 'eq', time = ''] = /^(?:(\w+):)?(\d{4}-.*)$/.exec(text) ?? [];
  const test = compare[operator] ?? refuse(`Unable to filter by unknown operator '${operator}'.`);
  const wanted = Date.parse(/[Z+]|-\d\d:\d\d$/.test(time.slice(10)) ? time : `${time}Z`);
  if (Number.isNaN(wanted)) refuse(`Unable to filter using the specified time: ${name}=${text}`);
  return (_row, view) => test(Date.parse(String(view[name])), wanted);
};

const filterOf = (name: string, text: string): Test | undefined => {
  switch (name) {
    case 'limit':
    case 'marker':
    case 'sort':
    case 'sort_key':
    case 'sort_dir':
    case 'tag':
    case 'member_status':
    case 'visibility':
    case 'os_hidden':
      return undefined;
    case 'changes-since':
      return refuse('The "changes-since" filter is no longer available on v2.');
    case 'size_min':
      return (row) => (row.data?.bytes ?? -1) >= number(name, text);
    case 'size_max':
      return (row) => row.data !== null && row.data.bytes <= number(name, text);
    case 'size':
    case 'virtual_size':
    case 'min_disk':
    case 'min_ram':
      return (_row, view) => view[name] === number(name, text);
    case 'protected': {
      const wanted = flag(name, text);
      return (row) => row.protected === wanted;
    }
    case 'created_at':
    case 'updated_at':
      return timeTest(name, text);
    default: {
      if (!text.startsWith('in:') || !listable.includes(name)) return (_row, view) => view[name] === text;
      const values = splitValues(text.slice('in:'.length));
      return (_row, view) => values.includes(String(view[name]));
    }
  }
};

/** Whose images: own and public ones unless more is asked for; an admin's default is the same plus all others. */
const audience = (principal: Principal, visibility: string | null): Test => {
  if (visibility !== null && visibility !== 'all' && !visibilities.some((known) => known === visibility))
    refuse(`Invalid visibility value: ${visibility}`);
  const wanted = (row: ImageRow): boolean =>
    visibility === 'all' ||
    (visibility === null
      ? row.visibility !== 'community' || isOwner(principal, row)
      : row.visibility === visibility);
  return (row) =>
    wanted(row) &&
    (isAdmin(principal) ||
      isOwner(principal, row) ||
      row.visibility === 'public' ||
      (row.visibility === 'community' && visibility !== null));
};

/** Throws BAD_REQUEST. */
const parseFilters = (query: URLSearchParams, principal: Principal): Test => {
  const hidden = flag('os_hidden', query.get('os_hidden') ?? 'false');
  const status = query.get('member_status') ?? 'accepted';
  if (!['pending', 'accepted', 'rejected', 'all'].includes(status)) refuse(`Invalid status: ${status}`);
  const tags = query.getAll('tag').map((tag) => tag.trim());
  const tests = [
    audience(principal, query.get('visibility')),
    ...[...query].flatMap(([name, text]) => filterOf(name, text) ?? []),
  ];
  return (row, view) =>
    row.status !== 'deleted' &&
    row.hidden === hidden &&
    tags.every((tag) => row.tags.includes(tag)) &&
    tests.every((test) => test(row, view));
};

const sortKeys = [
  'name',
  'status',
  'container_format',
  'disk_format',
  'size',
  'id',
  'created_at',
  'updated_at',
];

interface Order {
  readonly key: string;
  readonly descending: boolean;
}

const orderOf = (key: string, direction: string): Order => {
  if (!sortKeys.includes(key))
    refuse(`Invalid sort key: ${key}. It must be one of the following: ${sortKeys.join(', ')}.`);
  if (direction !== 'asc' && direction !== 'desc') refuse(`Invalid sort direction: ${direction}`);
  return { key, descending: direction === 'desc' };
};

/** `sort=name:asc,size` or `sort_key=..&sort_dir=..`; newest first by default. Throws BAD_REQUEST. */
const parseSort = (query: URLSearchParams): readonly Order[] => {
  const sort = query.get('sort');
  const [keys, directions] = [query.getAll('sort_key'), query.getAll('sort_dir')];
  if (sort !== null) {
    if (keys.length > 0 || directions.length > 0) refuse('Old and new sorting syntax cannot be combined');
    return sort.split(',').map((item) => {
      const [key = '', direction = 'desc'] = item.split(':').map((part) => part.trim());
      return orderOf(key, direction || 'desc');
    });
  }
  if (directions.length > 1 && directions.length !== keys.length)
    refuse('Number of sort dirs does not match the number of sort keys');
  return (keys.length > 0 ? keys : ['created_at']).map((key, at) =>
    orderOf(key.trim(), (directions[at] ?? directions[0] ?? 'desc').trim()),
  );
};

/** Nothing sorts before everything; text by its characters' numbers, as a database without collation does. */
const compareValues = (a: unknown, b: unknown): number => {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return a < b ? -1 : 1;
};

const sortValue = (row: ImageRow, view: View, key: string): unknown =>
  key === 'created_at' ? row.createdAtMs : key === 'updated_at' ? row.updatedAtMs : view[key];

/** Throws BAD_REQUEST. */
const parseLimit = (query: URLSearchParams): number => {
  const text = query.get('limit');
  if (text === null) return listImagesDefault;
  if (!/^[+-]?\d{1,15}$/.test(text)) refuse('limit param must be an integer');
  if (Number(text) < 0) refuse('limit param must be positive');
  return Math.min(Number(text), listImagesMax);
};

export interface ImagePage {
  readonly images: readonly View[];
  /** Marker of the next page, when there may be one. */
  readonly next?: string;
}

/** Throws BAD_REQUEST, also for a marker that the caller cannot see. */
export const pageOf = (
  rows: readonly ImageRow[],
  query: URLSearchParams,
  principal: Principal,
  nowMs: number,
): ImagePage => {
  const test = parseFilters(query, principal);
  const orders = parseSort(query);
  const limit = parseLimit(query);
  const shown = rows
    .map((row) => ({ row, view: imageView(row, nowMs) }))
    .filter(({ row, view }) => test(row, view));
  const tieBreaks: readonly Order[] = ['created_at', 'id']
    .filter((key) => !orders.some((order) => order.key === key))
    .map((key) => ({ key, descending: orders[0]?.descending ?? true }));
  shown.sort((a, b) => {
    for (const { key, descending } of [...orders, ...tieBreaks]) {
      const difference = compareValues(sortValue(a.row, a.view, key), sortValue(b.row, b.view, key));
      if (difference !== 0) return descending ? -difference : difference;
    }
    return 0;
  });
  const marker = query.get('marker');
  const at = marker === null ? -1 : shown.findIndex(({ row }) => row.id === marker);
  if (marker !== null && at === -1) refuse(`Invalid marker. Image ${marker} is not in the list.`);
  const images = shown.slice(at + 1, at + 1 + limit);
  const last = images.at(-1);
  return {
    images: images.map(({ view }) => view),
    ...(last && images.length === limit ? { next: last.row.id } : {}),
  };
};
