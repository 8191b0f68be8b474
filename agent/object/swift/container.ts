/** Containers over HTTP. */
import { ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { parseAccessList } from '../access-list.ts';
import type { Permission } from '../acl-grant.ts';
import { authorize, type Context, isTrusted, openContainer } from '../context.ts';
import { headerText, headerValue, type Metadata, mergeMetadata, metadataHeaders } from '../metadata.ts';
import { parseContainerName } from '../name.ts';
import { parsePolicy, policyDefault, policyOf } from '../policy.ts';
import { checkQuotaValues } from '../quota.ts';
import type { ContainerRow } from '../records.ts';
import { removeContainer } from '../remove-container.ts';
import { httpDate, timestampText } from '../time.ts';
import { type Ask, type Asked, asked, isTrue, record } from './ask.ts';
import { archiveAsked, bulkUpload } from './bulk-upload.ts';
import { listingFormat, listingType } from './listing-text.ts';

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

/** What lets others in is not for whoever may write here, or it could hand that on: it is passed over, as in Swift. */
const ownersHeader = /^x-(remove-)?container-(read|write|meta-temp-url-key(-2)?)$/;

const headersOf = async (
  context: Context,
  { path, caller }: Asked,
  { headers }: Ask,
): Promise<Ask['headers']> =>
  (await isTrusted(context, path.project, caller))
    ? headers
    : Object.fromEntries(Object.entries(headers).filter(([name]) => !ownersHeader.test(name)));

const changeOf =
  (headers: Ask['headers']) =>
  (old: ContainerRow | undefined): Partial<ContainerRow> => {
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
  const ask = asked(request);
  const { path, caller } = ask;
  await authorize(context, 'writeContainer', path, caller);
  const policy = parsePolicy(headerText(request.headers, 'x-storage-policy'), context.codes());
  refuseSync(request);
  const change = changeOf(await headersOf(context, ask, request));
  const { created } = await context.containers.create(path.project, path.container, (old) => {
    refusePolicy(policy, old);
    return { ...change(old), ...(!old && policy !== undefined && policy !== policyDefault && { policy }) };
  });
  record(context, request, created ? 'container.create' : 'container.update', path);
  return { status: created ? 201 : 202, headers: textHtml };
};

export const updateContainer = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const ask = asked(request);
  const { path, caller } = ask;
  await authorize(context, 'writeContainer', path, caller);
  refuseSync(request);
  const change = changeOf(await headersOf(context, ask, request));
  await context.containers.update(path.project, path.container, change);
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

export const containerHeaders = async (
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
  const headers = await containerHeaders(context, row, await isTrusted(context, path.project, caller));
  return { headers: { ...headers, 'Content-Type': listingType[format] } };
};
