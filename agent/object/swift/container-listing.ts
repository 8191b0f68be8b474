/** Listings of containers: names, folders and versions, in three forms. */
import { ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { type Context, isTrusted, openContainer } from '../context.ts';
import { type Listing, untilMsOf } from '../kept-listings.ts';
import { listingNamesMax } from '../limits.ts';
import { encodeWhole, type ObjectPath } from '../name.ts';
import { walkObjects } from '../object-listing.ts';
import type { ContainerRow, ObjectRow } from '../records.ts';
import { listingTime } from '../time.ts';
import { walkVersions } from '../version-listing.ts';
import { checkVersionId } from '../versions.ts';
import type { Step, WalkOptions } from '../walk.ts';
import { type Ask, asked, isTrue, queryText, readLimit } from './ask.ts';
import { containerHeaders } from './container.ts';
import {
  acceptsJson,
  type ListingFormat,
  type ListingItem,
  listingFormat,
  listingText,
  listingType,
} from './listing-text.ts';

/** What a listing tells of an object beside its name. */
const itemFields = ({ md5, bytes, contentType, changedAtMs, large, link }: ObjectRow) => ({
  hash: md5,
  bytes: large?.bytes ?? bytes,
  content_type: contentType,
  last_modified: listingTime(changedAtMs),
  ...(large || link?.fixed?.slo ? { slo_etag: `"${large?.etag ?? link?.fixed?.slo}"` } : {}),
  ...(link ? { symlink_path: encodeWhole(link) } : {}),
  ...(link?.fixed ? { symlink_etag: link.fixed.etag, symlink_bytes: link.fixed.bytes } : {}),
});

const itemOf = (
  of: Pick<ObjectPath, 'project' | 'container'>,
  step: Step<ObjectRow>,
  format: ListingFormat,
): ListingItem => {
  if (step.kind === 'folder') return { subdir: step.name };
  if (format === 'plain') return { name: step.name };
  const fields = itemFields(step.row);
  const version = step.row.versionId === undefined || step.row.isNull ? undefined : step.row.versionId;
  if (version === undefined) return { name: step.name, ...fields };
  // In Swift such an object is a link to its version, and clients can tell by that.
  const versioned = { symlink_path: `${encodeWhole({ ...of, object: step.name })}?version-id=${version}` };
  return { name: step.name, ...versioned, ...fields, version_symlink: true };
};

const walkOptions = (query: URLSearchParams): WalkOptions => {
  const names = { prefix: 'prefix', delimiter: 'delimiter', marker: 'marker', endMarker: 'end_marker' };
  const given = Object.entries(names).flatMap(([key, name]) => {
    const value = queryText(query, name);
    return value === undefined ? [] : [[key, value] as const];
  });
  const path = query.get('path');
  return {
    ...Object.fromEntries(given),
    ...(path === null ? {} : { path }),
    reverse: isTrue(query.get('reverse')),
  };
};

/** Versions are listed as JSON alone. Throws NOT_ACCEPTABLE to who asks for something else. */
const checkJson = ({ query, headers }: Ask): void => {
  const format = query.get('format')?.toLowerCase();
  const isAsked = format === null || format === undefined || format === '' || format === 'json';
  const accepts = format === 'json' || acceptsJson(headers.accept);
  if (!isAsked || !accepts)
    throw new ShoalError('NOT_ACCEPTABLE', 'Cannot list versions so: they are told as application/json');
};

/** `?versions`: every version. */
const listVersions = async (context: Context, request: Ask, row: ContainerRow): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  const { query } = request;
  const [limit, prefix = ''] = [readLimit(query, listingNamesMax), queryText(query, 'prefix')];
  const [marker, versionMarker] = [queryText(query, 'marker'), queryText(query, 'version_marker')];
  if (versionMarker && !marker) throw new ShoalError('BAD_REQUEST', 'version_marker param requires marker');
  const delimiter = queryText(query, 'delimiter');
  const items: ListingItem[] = [];
  let folder: string | undefined;
  for await (const { name, row: version, versionId, isLatest } of walkVersions(
    { records: context.records, clock: context.runtime.clock },
    row.id,
    {
      prefix,
      marker,
      versionMarker: versionMarker && checkVersionId(versionMarker),
      endMarker: queryText(query, 'end_marker'),
      reverse: isTrue(query.get('reverse')),
      withPosts: !row.isUnposted,
    },
  )) {
    if (items.length >= limit) break;
    const end = delimiter ? name.indexOf(delimiter, prefix.length) : -1;
    const within = end === -1 ? undefined : name.slice(0, end + (delimiter ?? '').length);
    if (within === undefined)
      items.push({ name, ...itemFields(version), version_id: versionId, is_latest: isLatest });
    else if (within !== folder && within !== marker) items.push({ subdir: within });
    folder = within;
  }
  const headers = await containerHeaders(context, row, await isTrusted(context, path.project, caller));
  return { headers: { ...headers, 'Content-Type': listingType.json }, body: JSON.stringify(items) };
};

const listed = async (
  { records, runtime }: Context,
  row: ContainerRow,
  options: WalkOptions,
  limit: number,
  textOf: (steps: readonly Step<ObjectRow>[]) => string,
): Promise<Listing> => {
  const steps: Step<ObjectRow>[] = [];
  if (limit > 0)
    for await (const step of walkObjects({ records, clock: runtime.clock }, row, {
      ...options,
      rows: limit,
    })) {
      steps.push(step);
      if (steps.length >= limit) break;
    }
  const untilMs = untilMsOf(steps.map(({ row: shown }) => shown));
  return { body: Buffer.from(textOf(steps)), count: steps.length, untilMs };
};

export const listObjects = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  const row = await openContainer(context, 'readContainer', path, caller);
  if (request.query.has('versions')) {
    checkJson(request);
    return listVersions(context, request, row);
  }
  const format = listingFormat(request.query, request.headers.accept);
  const limit = readLimit(request.query, listingNamesMax);
  const options = walkOptions(request.query);
  const of = { element: 'container', name: path.container } as const;
  const textOf = (steps: readonly Step<ObjectRow>[]): string =>
    listingText(
      format,
      of,
      steps.map((step) => itemOf(path, step, format)),
    );
  const query = JSON.stringify([format, limit, options]);
  const [{ body, count }, known] = await Promise.all([
    context.keptListings.listing(row, query, () => listed(context, row, options, limit, textOf)),
    containerHeaders(context, row, await isTrusted(context, path.project, caller)),
  ]);
  const headers = { ...known, 'Content-Type': listingType[format] };
  if (count === 0 && format === 'plain') return { status: 204, headers };
  return { headers, body };
};
