/** The consumer's side of OAuth 1.0a, written after RFC 5849 on its own. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Host } from './world.ts';

export interface Pair {
  readonly id: string;
  readonly secret: string;
}

const quote = (text: string): string =>
  [...new TextEncoder().encode(text)]
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      return /[\w.~-]/.test(letter) ? letter : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

export const oauthClient = (host: Host, consumer: Pair) => {
  const base = '/v3/OS-OAUTH1';
  const headers = (path: string, token?: Pair, more: Record<string, string> = {}): Record<string, string> => {
    const fields: Record<string, string> = {
      oauth_consumer_key: consumer.id,
      oauth_nonce: randomBytes(8).toString('hex'),
      oauth_signature_method: 'HMAC-SHA1',
      oauth_timestamp: String(Math.floor(Date.now() / 1000)),
      oauth_version: '1.0',
      ...(token && { oauth_token: token.id }),
      ...more,
    };
    const signed = Object.keys(fields)
      .sort()
      .map((name) => `${name}=${quote(fields[name] ?? '')}`)
      .join('&');
    const text = ['POST', `${host.url}/identity${path}`, signed].map(quote).join('&');
    const key = `${quote(consumer.secret)}&${quote(token?.secret ?? '')}`;
    const signature = createHmac('sha1', key).update(text).digest('base64');
    const all = Object.entries({ ...fields, oauth_signature: signature });
    return { Authorization: `OAuth ${all.map(([name, value]) => `${name}="${quote(value)}"`).join(', ')}` };
  };
  /** Answers of these two are forms, not JSON. */
  const post = async (path: string, more: Record<string, string>) => {
    const answer = await fetch(`${host.url}/identity${path}`, { method: 'POST', headers: more });
    const fields = new URLSearchParams(await answer.text());
    const pair: Pair = {
      id: fields.get('oauth_token') ?? '',
      secret: fields.get('oauth_token_secret') ?? '',
    };
    return { status: answer.status, ...pair };
  };
  return {
    headers,
    request: (projectId: string, more?: Record<string, string>) =>
      post(`${base}/request_token`, {
        ...headers(`${base}/request_token`, undefined, { oauth_callback: 'oob', ...more }),
        'Requested-Project-Id': projectId,
      }),
    authorize: (id: string, token: string, roles: readonly object[]) =>
      host.call('PUT', `${base}/authorize/${id}`, { token, body: { roles } }),
    access: (token: Pair, verifier: string) =>
      post(`${base}/access_token`, headers(`${base}/access_token`, token, { oauth_verifier: verifier })),
    login: (token: Pair) =>
      host.call('POST', '/v3/auth/tokens', {
        headers: headers('/v3/auth/tokens', token),
        body: { auth: { identity: { methods: ['oauth1'], oauth1: {} } } },
      }),
  };
};
