/**
 * Where a request to S3 comes in:
 *
 *   Host and path -> bucket and key      address.ts
 *   signature     -> caller and body     sign-in.ts
 *   method, query -> call                operations.ts
 */
import { hasCode } from '../../../proto/error.ts';
import { newRequestId } from '../../../proto/ids.ts';
import type { Exchange, Work } from '../../http/exchange.ts';
import { type Listener, openListener } from '../../http/listener.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { AccessLog } from '../access-log/open-access-log.ts';
import { openBucketNames } from '../bucket-names.ts';
import type { Context } from '../context.ts';
import { type Address, addressOf, hostBucketOf } from './address.ts';
import type { S3Ask, S3Context } from './ask.ts';
import { findBucket } from './bucket-access.ts';
import { callerOf } from './caller.ts';
import { preflight, withCors } from './cors.ts';
import { callOf } from './operations.ts';
import { openRefusals } from './refusals.ts';
import { openRequestLog } from './request-log.ts';
import { s3Error, s3Errors, unreadableAnswer } from './s3-error.ts';
import { accessOf } from './sign/claim.ts';
import { accessOfForm, type SignForm } from './sign/form.ts';
import { rawAsk } from './sign/raw-ask.ts';
import type { SignIn } from './sign-in.ts';
import { newTrail, type Trail } from './trail.ts';
import { servePage } from './website.ts';

/** A name under which this machine always is. */
const ownDomains: readonly string[] = ['localhost', 's3.localhost'];

export interface S3Settings {
  /** `host:port`. */
  readonly listen: string;
  /** Host names below which a bucket may stand, e.g. `s3.example.org`. */
  readonly domains: readonly string[];
}

const serve = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  try {
    return await callOf(ask)(context, ask);
  } catch (cause) {
    // Elsewhere that is 401 and asks for a token; S3 knows only 403.
    if (hasCode(cause, 'NOT_AUTHENTICATED')) throw s3Error('AccessDenied', undefined, { cause });
    throw cause;
  }
};

/** Who comes to a website: nobody that is known, with nothing to say. */
const nobody = {
  principal: undefined,
  access: undefined,
  region: undefined,
  body: (async function* () {})(),
  bytes: 0,
  md5: undefined,
  checksum: undefined,
  isVirtualHost: true,
} as const;

/** What is known of a request before its sender is. */
type Asked = Pick<
  S3Ask,
  'requestId' | 'method' | 'path' | 'query' | 'origin' | 'signal' | 'remoteAddress' | 'trail'
>;

/** How callers prove who they are, and where it is written down what they did. */
export interface DoorParts {
  readonly signIn: SignIn;
  readonly signForm: SignForm;
  readonly accessLog: AccessLog;
}

export const openS3 = (
  parts: Context,
  { signIn, signForm, accessLog }: DoorParts,
  { listen, domains }: S3Settings,
): Listener => {
  const { records, containers } = parts;
  const bucketNames = openBucketNames({ names: records.bucketNames, containers });
  const refusals = openRefusals(parts);
  const context: S3Context = {
    ...parts,
    bucketNames,
    signForm: (fields, { remoteAddress: address, requestId }) =>
      signForm(fields).catch((thrown) => {
        refusals.note(thrown, { access: accessOfForm(fields), address, requestId });
        throw thrown;
      }),
  };
  const allDomains = [...ownDomains, ...domains];
  const siteDomains = allDomains.map((domain) => `s3-website.${domain}`);
  const page = ({ raw, path }: Exchange, asked: Asked, site: string): Promise<ApiAnswer> => {
    const { authorization: _key, ...headers } = raw.headers as Record<string, string>;
    const visit = { ...nobody, ...asked, ...addressOf(path, site), query: new URLSearchParams(), headers };
    return servePage(context, { ...visit, caller: callerOf(visit) });
  };
  const call = (
    { raw, body }: Exchange,
    asked: Asked,
    address: Address,
    hostBucket: string,
  ): Promise<ApiAnswer> => {
    const { method, remoteAddress, requestId, trail } = asked;
    return withCors(
      context,
      address,
      { method: raw.headers['access-control-request-method'] ?? method, origin: raw.headers.origin },
      async (told) => {
        const url = raw.url ?? '/';
        const { rawHeaders } = raw;
        const stream = body.read();
        const signed = await signIn({ method, url, rawHeaders, stream, hostBucket }).catch((thrown) => {
          refusals.note(thrown, {
            access: accessOf(rawAsk(method, url, rawHeaders)),
            ...{ address: remoteAddress, requestId },
          });
          throw thrown;
        });
        told(signed);
        trail.principal = signed.principal;
        const ask = { ...signed, ...address, ...asked, isVirtualHost: hostBucket !== '' };
        return serve(context, { ...ask, caller: callerOf(ask) });
      },
    );
  };
  /** Whoever was refused before anybody looked, and those that only ask what they may, stand in the log too. */
  const lookUp = async (trail: Trail, { bucket }: Address): Promise<void> => {
    if (trail.buckets.size > 0 || bucket === '') return;
    await findBucket(context, { principal: undefined, trail }, bucket).catch(() => {});
  };
  const work: Work = async (exchange) => {
    const { raw, requestId, path, query, origin, signal } = exchange;
    const method = raw.method ?? 'GET';
    const { host } = raw.headers;
    const hostBucket = hostBucketOf(host, allDomains);
    const site = hostBucketOf(host, siteDomains);
    const address = addressOf(path, site || hostBucket);
    const trail = newTrail();
    const remoteAddress = raw.socket.remoteAddress ?? '';
    const asked = { requestId, method, path, query, origin, signal, remoteAddress, trail };
    const log = openRequestLog(accessLog, parts.runtime.clock, {
      ...{ exchange, address, trail },
      isWebsite: site !== '',
    });
    try {
      const answer = await (site !== ''
        ? page(exchange, asked, site)
        : method === 'OPTIONS'
          ? preflight(context, address, raw.headers)
          : call(exchange, asked, address, hostBucket));
      if (method === 'OPTIONS') await lookUp(trail, address);
      log.answered(answer);
      return { answer, status: 200 };
    } catch (thrown) {
      await lookUp(trail, address);
      log.refused(thrown);
      throw thrown;
    }
  };
  const listener = openListener(context, {
    listen,
    part: 's3',
    work,
    shape: s3Errors,
    refuseUnreadable: (kind) => unreadableAnswer(kind, newRequestId()),
    standardHeaders: (_api, requestId) => ({ 'x-amz-request-id': requestId, 'x-amz-id-2': requestId }),
  });
  return {
    ...listener,
    async stop() {
      await listener.stop();
      refusals.stop();
    },
  };
};
