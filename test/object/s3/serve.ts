/** The S3 door on fakes behind real HTTP. Callers name their token in place of a signature: `member:p1`. */
import { createHash } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { openAccessLog } from '../../../agent/object/access-log/open-access-log.ts';
import { type ObjectSettings, openObjects } from '../../../agent/object/open-objects.ts';
import { openS3 } from '../../../agent/object/s3/door.ts';
import { openSignForm } from '../../../agent/object/s3/sign/form.ts';
import { bodyHeaders, joinedHeaders, md5Of } from '../../../agent/object/s3/sign/headers.ts';
import { openPayload } from '../../../agent/object/s3/sign/payload.ts';
import { rawAsk } from '../../../agent/object/s3/sign/raw-ask.ts';
import type { SignIn } from '../../../agent/object/s3/sign-in.ts';
import { parseXml, type XmlNode } from '../../../agent/object/s3/xml-reader.ts';
import type { KeyValue } from '../../../agent/store/key-value.ts';
import { memoryKeyValue } from '../../../agent/store/memory-key-value.ts';
import type { Tables } from '../../../agent/table/port.ts';
import { fakeContent } from '../../fake/content.ts';
import { fakePrincipal, fakeRuntime, fakeSignIn, startApi } from '../../fake/http.ts';
import { fakeTables } from '../../fake/tables.ts';
import { fakeJournal } from '../serve.ts';
import { access, principal, secret } from './sign.ts';

const trustingSignIn: SignIn = async ({ method, url, rawHeaders, stream }) => {
  const ask = rawAsk(method, url, rawHeaders);
  const headers = joinedHeaders(ask, undefined);
  const token = headers['x-test-token'];
  return {
    principal: token === undefined ? undefined : fakePrincipal(token),
    access: token,
    region: 'us-east-1',
    headers,
    md5: md5Of(headers),
    ...openPayload(stream, bodyHeaders(ask, headers), 'UNSIGNED-PAYLOAD', undefined),
  };
};

export interface S3Call {
  /** null: anonymous. Default `member:p1`. */
  readonly token?: string | null;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly bytes: Buffer;
  /** Of an XML body. */
  readonly xml: XmlNode;
  /** Of an error. */
  readonly code: string | undefined;
}

/** All texts of the elements with this name, in order, however deep. */
export const texts = (node: XmlNode, name: string): string[] => [
  ...(node.name === name ? [node.text] : []),
  ...node.children.flatMap((child) => texts(child, name)),
];
export const text = (node: XmlNode, name: string): string | undefined => texts(node, name)[0];

const md5 = (body: string | Uint8Array): string => createHash('md5').update(body).digest('base64');

export const serveS3 = async (
  t: ExecutionContext,
  parts: {
    readonly tables?: Tables;
    readonly content?: ReturnType<typeof fakeContent>;
    readonly wallMs?: () => number;
    readonly domainOf?: (project: string) => Promise<string | undefined>;
    /** Of this host alone. */
    readonly keyValue?: KeyValue;
    readonly logPeriodMs?: number;
  } & ObjectSettings = {},
) => {
  const content = parts.content ?? fakeContent();
  const tables = parts.tables ?? fakeTables();
  const journal = fakeJournal();
  const base = fakeRuntime();
  const runtime = parts.wallMs ? { ...base, clock: { ...base.clock, wallMs: parts.wallMs } } : base;
  let objects: ReturnType<typeof openObjects> | undefined;
  const api = await startApi((http) => {
    objects = openObjects(
      {
        ...{ runtime, tables, content, journal, http, sealSecret: Buffer.alloc(32, 7) },
        domainOf: parts.domainOf ?? (async () => 'default'),
        signIn: fakeSignIn,
      },
      parts,
    );
  });
  if (!objects) throw new Error('the API opens its objects before it starts');
  const opened = objects;
  const signForm = openSignForm({
    secretOf: async (key) => (key === access ? { secret, principal } : undefined),
  });
  const accessLog = openAccessLog(opened, parts.keyValue ?? memoryKeyValue(), {
    region: parts.region ?? 'us-east-1',
    ...(parts.logPeriodMs === undefined ? {} : { periodMs: parts.logPeriodMs }),
  });
  const s3 = openS3(
    opened,
    { signIn: trustingSignIn, signForm, accessLog },
    { listen: '127.0.0.1:0', domains: ['s3.example.org'] },
  );
  const { url, port } = await s3.start();
  const stop = async (): Promise<void> => {
    await s3.stop();
    await accessLog.stop();
  };
  t.teardown(async () => {
    await opened.stop();
    await Promise.all([api.stop(), stop()]);
  });
  const call = async (method: string, path: string, asked: S3Call = {}): Promise<S3Answer> => {
    const isDeletion = method === 'POST' && path.endsWith('?delete');
    const answer = await fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(asked.token === null ? {} : { 'x-test-token': asked.token ?? 'member:p1' }),
        // As all SDKs do.
        ...(isDeletion && { 'content-md5': md5(asked.body ?? '') }),
        ...asked.headers,
      },
      ...(asked.body === undefined ? {} : { body: Uint8Array.from(Buffer.from(asked.body)) }),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const said = bytes.toString();
    const isXml = answer.headers.get('content-type') === 'application/xml' && said.startsWith('<?xml');
    return {
      status: answer.status,
      headers: answer.headers,
      bytes,
      text: said,
      get xml() {
        return parseXml(said);
      },
      code: isXml && answer.status >= 300 ? text(parseXml(said), 'Code') : undefined,
    };
  };
  return {
    call,
    content,
    tables,
    journal,
    objects: opened,
    url,
    port,
    runtime,
    /** The door, as a host that ends closes it. */
    stop,
    swift: `${api.url}/object-store/v1/AUTH_p1`,
  };
};

export type ServedS3 = Awaited<ReturnType<typeof serveS3>>;
