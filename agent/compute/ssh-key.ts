/**
 * SSH keys as OpenSSH writes them: public keys of one line (RFC 4253, 5656, 8709), private ones in the format of
 * OpenSSH's PROTOCOL.key.
 */
import { createHash, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { ShoalError } from '../../proto/error.ts';

export type KeyAlgorithm = 'ed25519' | 'ecdsa' | 'rsa';

export interface PublicKey {
  /** `type base64 comment`, trimmed. */
  readonly text: string;
  /** MD5 of the blob as `aa:bb:…`: what Nova shows. */
  readonly fingerprint: string;
}

export interface GeneratedKey extends PublicKey {
  /** PEM, without a passphrase. */
  readonly privateKey: string;
}

const knownTypes =
  /^(ssh-rsa|ssh-dss|ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)$/;

const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
};
const lengthy = (bytes: Uint8Array | string): Buffer => {
  const body = Buffer.from(bytes as string);
  return Buffer.concat([u32(body.length), body]);
};
/** A positive number: without leading zeros, with one where its first bit is set. */
const mpint = (bytes: Buffer): Buffer => {
  let at = 0;
  while (at < bytes.length && bytes[at] === 0) at += 1;
  const body = bytes.subarray(at);
  return lengthy((body[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), body]) : body);
};

const fingerprintOf = (blob: Uint8Array): string =>
  createHash('md5')
    .update(blob)
    .digest('hex')
    .replace(/(..)(?=.)/g, '$1:');

/** Throws BAD_REQUEST with what is wrong. */
export const parsePublicKey = (text: string): PublicKey => {
  const refuse = (why: string): ShoalError =>
    new ShoalError('BAD_REQUEST', `Keypair data is invalid: ${why}`);
  const line = text.trim();
  if (/[\r\n]/.test(line)) throw refuse('it has more than one line');
  const [type = '', base64 = ''] = line.split(/\s+/);
  if (!knownTypes.test(type)) throw refuse(`${JSON.stringify(type.slice(0, 40))} is no type of SSH key`);
  const blob = Buffer.from(base64, 'base64');
  if (blob.length < 8 || blob.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, ''))
    throw refuse('failed to decode its base64 data');
  const typeLength = blob.readUInt32BE(0);
  if (blob.subarray(4, 4 + typeLength).toString() !== type)
    throw refuse('its data is of another type than it says');
  return { text: line, fingerprint: fingerprintOf(blob) };
};

/** Number of the curve's bytes decides the name; P-256 is what all servers take. */
const curve = { jwk: 'P-256', ssh: 'nistp256' } as const;

const generateJwk = (algorithm: KeyAlgorithm): JsonWebKey => {
  if (algorithm === 'ed25519') return generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  if (algorithm === 'ecdsa')
    return generateKeyPairSync('ec', { namedCurve: curve.jwk }).privateKey.export({ format: 'jwk' });
  return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey.export({ format: 'jwk' });
};

/** The public blob, and what a private section has after the key's type. */
const encodeKey = (
  algorithm: KeyAlgorithm,
  jwk: JsonWebKey,
): { type: string; blob: Buffer; secret: Buffer } => {
  const field = (name: keyof JsonWebKey): Buffer => Buffer.from(String(jwk[name] ?? ''), 'base64url');
  if (algorithm === 'ed25519') {
    const type = 'ssh-ed25519';
    const [seed, point] = [field('d'), field('x')];
    const secret = Buffer.concat([lengthy(point), lengthy(Buffer.concat([seed, point]))]);
    return { type, blob: Buffer.concat([lengthy(type), lengthy(point)]), secret };
  }
  if (algorithm === 'ecdsa') {
    const type = `ecdsa-sha2-${curve.ssh}`;
    const point = Buffer.concat([Buffer.from([4]), field('x'), field('y')]);
    const shared = Buffer.concat([lengthy(curve.ssh), lengthy(point)]);
    return {
      type,
      blob: Buffer.concat([lengthy(type), shared]),
      secret: Buffer.concat([shared, mpint(field('d'))]),
    };
  }
  const type = 'ssh-rsa';
  const numbers = (['n', 'e', 'd', 'qi', 'p', 'q'] as const).map((name) => mpint(field(name)));
  const blob = Buffer.concat([lengthy(type), mpint(field('e')), mpint(field('n'))]);
  return { type, blob, secret: Buffer.concat(numbers) };
};

/** `random`: four bytes that say whether a passphrase was right; here there is none, but the format has them. */
const privateText = (
  type: string,
  blob: Buffer,
  secret: Buffer,
  comment: string,
  random: Uint8Array,
): string => {
  const check = Buffer.from(random.subarray(0, 4));
  const plain = Buffer.concat([check, check, lengthy(type), secret, lengthy(comment)]);
  const padding = Buffer.from(Array.from({ length: (8 - (plain.length % 8)) % 8 }, (_, place) => place + 1));
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[lengthy('none'), lengthy('none'), lengthy(''), u32(1)],
    lengthy(blob),
    lengthy(Buffer.concat([plain, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`;
};

export const generateKey = (algorithm: KeyAlgorithm, comment: string, random: Uint8Array): GeneratedKey => {
  const { type, blob, secret } = encodeKey(algorithm, generateJwk(algorithm));
  return {
    text: `${type} ${blob.toString('base64')} ${comment}`,
    fingerprint: fingerprintOf(blob),
    privateKey: privateText(type, blob, secret, comment, random),
  };
};
