/** An image service on fakes behind real HTTP, and requests to it. */
import type { ExecutionContext } from 'ava';
import { type ImageSettings, type Images, openImages } from '../../agent/image/open-images.ts';
import type { Tables } from '../../agent/table/port.ts';
import { fakeContent } from '../fake/content.ts';
import { fakeAuthenticate, fakeRuntime, startApi } from '../fake/http.ts';
import { fakeTables } from '../fake/tables.ts';
import { fakeJournal } from '../object/serve.ts';

export type View = Record<string, unknown> & { readonly id: string };

export interface Call {
  readonly token?: string | null;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
}

export const octets = { 'Content-Type': 'application/octet-stream' };
export const patchType = 'application/openstack-images-v2.1-json-patch';

export const serveImages = async (
  t: ExecutionContext,
  parts: {
    readonly tables?: Tables;
    readonly content?: ReturnType<typeof fakeContent>;
    readonly wallMs?: () => number;
    readonly settings?: ImageSettings;
    readonly after?: (delayMs: number, work: () => void) => () => void;
  } = {},
) => {
  const content = parts.content ?? fakeContent();
  const journal = fakeJournal();
  const tables = parts.tables ?? fakeTables();
  const base = fakeRuntime();
  const runtime = {
    ...base,
    clock: { ...base.clock, ...(parts.wallMs ? { wallMs: parts.wallMs } : {}) },
    timers: { ...base.timers, ...(parts.after ? { after: parts.after } : {}) },
  };
  let opened: Images | undefined;
  const api = await startApi((http) => {
    opened = openImages({ runtime, tables, content, journal, http }, parts.settings);
    // glanceclient percent-encodes its token.
    http.setAuthenticate((token) => fakeAuthenticate(decodeURIComponent(token)));
  });
  t.teardown(() => api.stop());
  const base2 = `${api.url}/image`;
  const call = (method: string, path: string, asked: Call = {}): Promise<Response> =>
    fetch(`${base2}${path}`, {
      method,
      headers: {
        ...(asked.token === null ? {} : { 'X-Auth-Token': asked.token ?? 'member:p1' }),
        ...(asked.json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...asked.headers,
      },
      ...(asked.json === undefined ? {} : { body: JSON.stringify(asked.json) }),
      ...(asked.bytes === undefined ? {} : { body: Uint8Array.from(asked.bytes) }),
    });
  const create = async (fields: Record<string, unknown> = {}, token = 'member:p1'): Promise<View> => {
    const json = { name: 'one', disk_format: 'raw', container_format: 'bare', ...fields };
    const answer = await call('POST', '/v2/images', { token, json });
    t.is(answer.status, 201, await answer.clone().text());
    return (await answer.json()) as View;
  };
  return {
    api,
    content,
    journal,
    call,
    create,
    images: opened as Images,
    url: base2,
    show: async (id: string, token = 'member:p1'): Promise<View> =>
      (await (await call('GET', `/v2/images/${id}`, { token })).json()) as View,
    upload: (id: string, bytes: Uint8Array, token = 'member:p1'): Promise<Response> =>
      call('PUT', `/v2/images/${id}/file`, { token, bytes, headers: octets }),
    patch: (id: string, changes: unknown, asked: { token?: string; type?: string } = {}): Promise<Response> =>
      call('PATCH', `/v2/images/${id}`, {
        json: changes,
        headers: { 'Content-Type': asked.type ?? patchType },
        ...(asked.token ? { token: asked.token } : {}),
      }),
    list: async (
      query = '',
      token = 'member:p1',
    ): Promise<{ images: View[]; next?: string; first: string }> =>
      (await (await call('GET', `/v2/images${query}`, { token })).json()) as {
        images: View[];
        next?: string;
        first: string;
      },
  };
};
