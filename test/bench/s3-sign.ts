/** Headers that sign a request to S3 as its SDKs do, but for the hash of the body: over TLS they leave it out, too. */
import { createHash, createHmac } from 'node:crypto';

export interface S3Key {
  readonly access: string;
  readonly secret: string;
}

const hmac = (key: string | Uint8Array, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

/** @param path encoded; @param query `name=value` pairs in the order of their names */
export const signS3 = (
  { access, secret }: S3Key,
  { method, host, path, query }: Readonly<Record<'method' | 'host' | 'path' | 'query', string>>,
): Record<string, string> => {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const scope = [time.slice(0, 8), 'us-east-1', 's3', 'aws4_request'];
  const headers = { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-date': time };
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const names = Object.keys(headers).join(';');
  const canonical = [method, path, query, lines.join(''), names, 'UNSIGNED-PAYLOAD'].join('\n');
  const hashed = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', time, scope.join('/'), hashed].join('\n');
  const signature = hmac(scope.reduce<string | Buffer>(hmac, `AWS4${secret}`), text).toString('hex');
  const credential = `AWS4-HMAC-SHA256 Credential=${access}/${scope.join('/')}`;
  return { ...headers, authorization: `${credential}, SignedHeaders=${names}, Signature=${signature}` };
};
