/** Tells the logs of buckets of a request to them, once its answer has gone. */
import { asShoalError } from '../../../proto/error.ts';
import type { Exchange } from '../../http/exchange.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { Clock } from '../../runtime/ports.ts';
import type { AccessLog } from '../access-log/open-access-log.ts';
import type { AccessRecord } from '../access-log/record.ts';
import type { Address } from './address.ts';
import { ownProject } from './bucket-access.ts';
import { operationName } from './operation-name.ts';
import { subresourceOf } from './operations.ts';
import { s3CodeOf } from './s3-error.ts';
import type { Trail } from './trail.ts';

interface Request {
  readonly exchange: Pick<Exchange, 'raw' | 'reply' | 'requestId' | 'query'>;
  readonly address: Address;
  readonly trail: Trail;
  readonly isWebsite: boolean;
}

const headerOf = (answer: ApiAnswer | undefined, name: string): string | undefined => {
  const [, value] = Object.entries(answer?.headers ?? {}).find(([one]) => one.toLowerCase() === name) ?? [];
  return typeof value === 'string' ? value : undefined;
};

const numberOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;

const bytesOf = (answer: ApiAnswer | undefined): number | undefined =>
  typeof answer?.body === 'string' || answer?.body instanceof Uint8Array
    ? Buffer.byteLength(answer.body)
    : numberOf(headerOf(answer, 'content-length'));

const objectBytesOf = ({ exchange: { raw } }: Request, operation: string, answer: ApiAnswer | undefined) => {
  if (/^REST\.PUT\.(OBJECT|PART)$/.test(operation))
    return numberOf(
      String(raw.headers['x-amz-decoded-content-length'] ?? raw.headers['content-length'] ?? ''),
    );
  if (!/\.(GET|HEAD)\.OBJECT$/.test(operation)) return undefined;
  return (
    numberOf(headerOf(answer, 'content-range')?.split('/')[1]) ?? numberOf(headerOf(answer, 'content-length'))
  );
};

const signatureOf = ({ raw, query }: Request['exchange']): Pick<AccessRecord, 'signature' | 'authType'> => {
  const header = raw.headers.authorization;
  if (header !== undefined)
    return { signature: header.startsWith('AWS4-') ? 'SigV4' : 'SigV2', authType: 'AuthHeader' };
  if (query.has('X-Amz-Signature')) return { signature: 'SigV4', authType: 'QueryString' };
  if (query.has('Signature')) return { signature: 'SigV2', authType: 'QueryString' };
  return { signature: undefined, authType: undefined };
};

const requesterOf = (trail: Trail): string | undefined => {
  const project = ownProject(trail);
  return project === undefined ? undefined : `arn:aws:iam::${project}:user/${trail.principal?.user.id}`;
};

/** Of a request that came just now. */
export const openRequestLog = (accessLog: AccessLog, clock: Clock, request: Request) => {
  const { exchange, address, trail } = request;
  const { raw, reply, requestId, query } = exchange;
  const atMs = clock.wallMs();
  const startMs = clock.monotonicMs();

  const note = (answer: ApiAnswer | undefined, doneMs: number): void => {
    const operation = request.isWebsite
      ? `WEBSITE.${raw.method}.OBJECT`
      : operationName(
          raw.method ?? 'GET',
          address,
          subresourceOf(query),
          raw.headers['x-amz-copy-source'] !== undefined,
        );
    const isRead = raw.method === 'GET' || raw.method === 'HEAD';
    const common = {
      ...{ atMs, requestId, ...signatureOf(exchange) },
      address: raw.socket.remoteAddress ?? '',
      requester: requesterOf(trail),
      referrer: raw.headers.referer,
      userAgent: raw.headers['user-agent'],
      host: raw.headers.host,
      isByList: trail.isByList,
    };
    const nothing = {
      ...{ request: undefined, errorCode: undefined, bytesSent: undefined, objectBytes: undefined },
      ...{ totalMs: undefined, turnMs: undefined, versionId: undefined },
    };
    const lines = (
      name: string,
      more: Omit<AccessRecord, keyof typeof common | 'owner' | 'bucket'>,
    ): void => {
      const bucket = trail.buckets.get(name);
      if (!bucket?.row.bucket?.logging) return;
      accessLog.note(bucket.row.id, { ...common, ...more, owner: bucket.project, bucket: name });
    };
    const status = reply.statusCode;
    lines(address.bucket, {
      ...{ operation, key: address.key, status, errorCode: trail.errorCode },
      request: `${raw.method} ${raw.url} HTTP/${raw.httpVersion}`,
      bytesSent: reply.writableFinished && raw.method !== 'HEAD' ? bytesOf(answer) || undefined : undefined,
      objectBytes: objectBytesOf(request, operation, answer),
      totalMs: clock.monotonicMs() - startMs,
      turnMs: isRead ? doneMs - startMs : undefined,
      versionId: headerOf(answer, 'x-amz-version-id') ?? query.get('versionId') ?? undefined,
    });
    if (trail.source)
      lines(trail.source.bucket, {
        ...{ ...nothing, operation: `${operation}_GET`, key: trail.source.key, status },
      });
    for (const { key, versionId, status: ofKey, errorCode } of trail.deleted)
      lines(address.bucket, {
        ...{ ...nothing, operation: 'BATCH.DELETE.OBJECT', key, versionId, status: ofKey, errorCode },
      });
  };

  const answered = (answer: ApiAnswer | undefined): void => {
    if (![...trail.buckets.values()].some(({ row }) => row.bucket?.logging)) return;
    const doneMs = clock.monotonicMs();
    if (reply.destroyed) note(answer, doneMs);
    else reply.once('close', () => note(answer, doneMs));
  };

  return {
    answered: (answer: ApiAnswer): void => answered(answer),
    refused(thrown: unknown): void {
      trail.errorCode = s3CodeOf(asShoalError(thrown));
      answered(undefined);
    },
  };
};
