/** Containers over HTTP. */
import { ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { isOwner } from '../access.ts';
import { parseAccessList } from '../access-list.ts';
import type { Permission } from '../acl-grant.ts';
import { authorize, type Context, openContainer } from '../context.ts';
import { listingNamesMax } from '../limits.ts';
import { headerText, headerValue, type Metadata, mergeMetadata, metadataHeaders } from '../metadata.ts';
import { encodeWhole, type ObjectPath, parseContainerName } from '../name.ts';
import { walkObjects } from '../object-listing.ts';
import { parsePolicy, policyDefault, policyOf } from '../policy.ts';
import { checkQuotaValues } from '../quota.ts';
import type { ContainerRow, ObjectRow } from '../records.ts';
import { removeContainer } from '../remove-container.ts';
import { httpDate, listingTime, timestampText } from '../time.ts';
import { walkVersions } from '../version-listing.ts';
import { checkVersionId } from '../versions.ts';
import type { Step, WalkOptions } from '../walk.ts';
import { type Ask, asked, isTrue, queryText, readLimit, record } from './ask.ts';
import { archiveAsked, bulkUpload } from './bulk-upload.ts';
import {
  acceptsJson,
  type ListingFormat,
  type ListingItem,
  listingFormat,
  listingText,
  listingType,
} from './listing-text.ts';

const textHtml = { 'Content-Type': 'text/html; charset=UTF-8' };

/** Where old versions are copied to, the older way. Both of its headers at once are refused; to set is more than to remove. */
const oldVersionsAsked = (
  headers: Ask['headers'],
  old: ContainerRow | undefined,
): ContainerRow['archive'] => {
  const [stack, history] = (['x-versions-location', 'x-history-location'] as const).map((name) =>
    headers[name] || headers[name.replace('x-', 'x-remove-')] === undefined ? headerText(headers, name) : '',
  );
  if (stack && history)
    throw new ShoalError(
      'BAD_REQUEST',
      'Only one of X-Versions-Location or X-History-Location may be specified',
    );
  const location = stack || history;
  if (location) return { container: parseContainerName(location), mode: stack ? 'stack' : 'history' };
  // An empty value takes away the one that it names.
  const gone = old?.archive?.mode === 'history' ? history === '' : stack === '';
  return gone ? undefined : old?.archive;
};

const versionsAsked = (headers: Ask['headers'], old: ContainerRow | undefined): ContainerRow['versions'] => {
  const text = headerText(headers, 'x-versions-enabled');
  if (text === undefined) return old?.versions;
  if (!/^(true|1|yes|on|t|y|false|0|no|off|f|n)$/i.test(text))
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot read X-Versions-Enabled ${JSON.stringify(text)}: true or false`,
    );
  return isTrue(text) ? 'enabled' : old?.versions && 'suspended';
};

const headersSet = (headers: Ask['headers'], name: 'read' | 'write'): boolean =>
  headers[`x-container-${name}`] !== undefined || headers[`x-remove-container-${name}`] !== undefined;

const changeOf =
  (request: Ask) =>
  (old: ContainerRow | undefined): Partial<ContainerRow> => {
    const { headers } = request;
    const metadata = mergeMetadata('container', old?.metadata ?? {}, headers);
    checkQuotaValues(metadata);
    const list = (name: 'Read' | 'Write', before: string): string => {
      if (headers[`x-remove-container-${name.toLowerCase()}`] !== undefined) return '';
      const text = headerText(headers, `x-container-${name.toLowerCase()}`);
      return text === undefined ? before : parseAccessList(`X-Container-${name}`, text);
    };
    const [versions, archive] = [versionsAsked(headers, old), oldVersionsAsked(headers, old)];
    if (versions === 'enabled' && archive)
      throw new ShoalError(
        'BAD_REQUEST',
        'Cannot enable object versioning on a container that uses X-Versions-Location or X-History-Location',
      );
    // Both doors set one thing: who sets it here takes away what was granted there.
    const lost: readonly Permission[] = [
      ...(headersSet(headers, 'read') ? (['READ', 'FULL_CONTROL'] as const) : []),
      ...(headersSet(headers, 'write') ? (['WRITE', 'FULL_CONTROL'] as const) : []),
    ];
    const grants = old?.bucket?.grants?.filter(({ permission }) => !lost.includes(permission));
    return {
      ...(old?.bucket?.grants ? { bucket: { ...old.bucket, grants } } : {}),
      versions,
      archive,
      metadata,
      readList: list('Read', old?.readList ?? ''),
      writeList: list('Write', old?.writeList ?? ''),
    };
  };

/** What is there was kept under the old one. Throws CONFLICT. */
const refusePolicy = (asked: string | undefined, old: ContainerRow | undefined): void => {
  if (!asked || !old || asked === policyOf(old)) return;
  throw new ShoalError(
    'CONFLICT',
    `Cannot change the storage policy of a container: it is ${policyOf(old)} for good`,
  );
};

/** Asked for but not served: better said than kept and not done. */
const refuseSync = ({ headers }: Ask): void => {
  for (const name of ['x-container-sync-to', 'x-container-sync-key'])
    if (headers[name])
      throw new ShoalError('NOT_IMPLEMENTED', `Cannot take the header ${name}: containers are not synced`);
};

export const createContainer = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const kind = archiveAsked(request);
  if (kind) return bulkUpload(context, request, kind);
  const { path, caller } = asked(request);
  await authorize(context, 'writeContainer', path, caller);
  const policy = parsePolicy(headerText(request.headers, 'x-storage-policy'), context.codes());
  refuseSync(request);
  const change = changeOf(request);
  const { created } = await context.containers.create(path.project, path.container, (old) => {
    refusePolicy(policy, old);
    return { ...change(old), ...(!old && policy !== undefined && policy !== policyDefault && { policy }) };
  });
  record(context, request, created ? 'container.create' : 'container.update', path);
  return { status: created ? 201 : 202, headers: textHtml };
};

export const updateContainer = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  await authorize(context, 'writeContainer', path, caller);
  refuseSync(request);
  await context.containers.update(path.project, path.container, changeOf(request));
  record(context, request, 'container.update', path);
  return { headers: textHtml };
};

export const deleteContainer = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  await authorize(context, 'writeContainer', path, caller);
  await removeContainer(context, path);
  record(context, request, 'container.delete', path);
  return { headers: textHtml };
};

/** Keys that let their holder in are for the owner's eyes. */
const shownMetadata = (metadata: Metadata, owner: boolean): Metadata =>
  owner
    ? metadata
    : Object.fromEntries(Object.entries(metadata).filter(([name]) => !/^temp-url-key(-2)?$/.test(name)));

const containerHeaders = async (
  context: Context,
  row: ContainerRow,
  owner: boolean,
): Promise<Record<string, string>> => {
  const [tally] = await context.containers.tallies([row]);
  return {
    'X-Container-Object-Count': String(tally?.rows ?? 0),
    'X-Container-Bytes-Used': String(tally?.weight ?? 0),
    'X-Timestamp': timestampText(row.createdAtMs),
    'Last-Modified': httpDate(row.changedAtMs),
    'X-Storage-Policy': policyOf(row),
    'Accept-Ranges': 'bytes',
    ...metadataHeaders('container', shownMetadata(row.metadata, owner)),
    ...(row.versions ? { 'X-Versions-Enabled': row.versions === 'enabled' ? 'True' : 'False' } : {}),
    ...(row.archive
      ? {
          [row.archive.mode === 'stack' ? 'X-Versions-Location' : 'X-History-Location']: encodeURIComponent(
            row.archive.container,
          ),
        }
      : {}),
    ...(owner && row.readList !== '' ? { 'X-Container-Read': headerValue(row.readList) } : {}),
    ...(owner && row.writeList !== '' ? { 'X-Container-Write': headerValue(row.writeList) } : {}),
  };
};

export const headContainer = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  const row = await openContainer(context, 'readContainer', path, caller);
  const format = listingFormat(request.query, request.headers.accept);
  const headers = await containerHeaders(context, row, isOwner(caller.principal, path.project));
  return { headers: { ...headers, 'Content-Type': listingType[format] } };
};

/** What a listing tells of an object beside its name. */
export const itemFields = ({ md5, bytes, contentType, changedAtMs, large, link }: ObjectRow) => ({
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
  const headers = await containerHeaders(context, row, isOwner(caller.principal, path.project));
  return { headers: { ...headers, 'Content-Type': listingType.json }, body: JSON.stringify(items) };
};

const listed = async (
  { records, runtime }: Context,
  of: Pick<ObjectPath, 'project' | 'container'>,
  row: ContainerRow,
  options: WalkOptions,
  limit: number,
  format: ListingFormat,
): Promise<readonly ListingItem[]> => {
  const items: ListingItem[] = [];
  if (limit === 0) return items;
  for await (const step of walkObjects({ records, clock: runtime.clock }, row, { ...options, rows: limit })) {
    items.push(itemOf(of, step, format));
    if (items.length >= limit) break;
  }
  return items;
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
  const [items, known] = await Promise.all([
    listed(context, path, row, walkOptions(request.query), limit, format),
    containerHeaders(context, row, isOwner(caller.principal, path.project)),
  ]);
  const headers = { ...known, 'Content-Type': listingType[format] };
  if (items.length === 0 && format === 'plain') return { status: 204, headers };
  return { headers, body: listingText(format, { element: 'container', name: path.container }, items) };
};
