/**
 * Where a request to S3 comes in:
 *
 *   Host and path -> bucket and key      address.ts
 *   signature     -> caller and body     sign-in.ts
 *   method, query -> call                operations.ts
 */
import { hasCode } from '../../../proto/error.ts';
import type { Work } from '../../http/exchange.ts';
import { type Listener, openListener } from '../../http/listener.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { openBucketNames } from '../bucket-names.ts';
import type { Context } from '../context.ts';
import { addressOf, hostBucketOf } from './address.ts';
import type { S3Ask, S3Context } from './ask.ts';
import { callerOf } from './caller.ts';
import { preflight, withCors } from './cors.ts';
import { callOf } from './operations.ts';
import { openRefusals } from './refusals.ts';
import { s3Error, s3Errors } from './s3-error.ts';
import { accessOf } from './sign/claim.ts';
import { accessOfForm, type SignForm } from './sign/form.ts';
import { rawAsk } from './sign/raw-ask.ts';
import type { SignIn } from './sign-in.ts';
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

/** How callers prove who they are. */
export interface Keys {
  readonly signIn: SignIn;
  readonly signForm: SignForm;
}

export const openS3 = (
  parts: Context,
  { signIn, signForm }: Keys,
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
  const work: Work = async ({ raw, body, requestId, path, query, origin, signal }) => {
    const method = raw.method ?? 'GET';
    const hostBucket = hostBucketOf(raw.headers.host, allDomains);
    const address = addressOf(path, hostBucket);
    const remoteAddress = raw.socket.remoteAddress ?? '';
    const asked = { requestId, method, path, query, origin, signal, remoteAddress };
    const site = hostBucketOf(raw.headers.host, siteDomains);
    if (site !== '') {
      const { authorization: _key, ...headers } = raw.headers as Record<string, string>;
      const visit = { ...nobody, ...asked, ...addressOf(path, site), query: new URLSearchParams(), headers };
      return { answer: await servePage(context, { ...visit, caller: callerOf(visit) }), status: 200 };
    }
    if (method === 'OPTIONS') return { answer: await preflight(context, address, raw.headers), status: 200 };
    const answer = await withCors(
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
        const ask = { ...signed, ...address, ...asked, isVirtualHost: hostBucket !== '' };
        return serve(context, { ...ask, caller: callerOf(ask) });
      },
    );
    return { answer, status: 200 };
  };
  const listener = openListener(context, {
    listen,
    part: 's3',
    work,
    shape: s3Errors,
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
