/**
 * The bulk channel's certificate: X.509 with the host key itself, self-signed, so that TLS's own proof of
 * possession proves the HostId. Names, dates and the signature in it mean nothing to us and are constant; with
 * the key fixed the bytes are the same after every start.
 *
 * Written out by hand: RFC 5280 with one algorithm is four nested sequences, an ASN.1 library is a megabyte.
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { HostId } from '../../proto/ids.ts';
import { type HostKey, hostIdOfPublicKey } from './host-key.ts';

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const head =
    body.length < 0x80
      ? [tag, body.length]
      : body.length < 0x100
        ? [tag, 0x81, body.length]
        : [tag, 0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from(head), body]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const bitString = (bytes: Uint8Array): Buffer => der(0x03, Buffer.from([0]), bytes);

/** OID 1.3.101.112, id-Ed25519. */
const ed25519 = sequence(der(0x06, Buffer.from([0x2b, 0x65, 0x70])));
/** CN=shoal: OID 2.5.4.3 and a UTF8String. */
const name = sequence(
  der(0x31, sequence(der(0x06, Buffer.from([0x55, 0x04, 0x03])), der(0x0c, Buffer.from('shoal')))),
);
/** RFC 5280 section 4.1.2.5: 99991231235959Z says "no end". Trust ends with the roster, not with a date. */
const validity = sequence(der(0x17, Buffer.from('700101000000Z')), der(0x18, Buffer.from('99991231235959Z')));

/** PEM. */
export const certificateOf = (key: HostKey): string => {
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ed25519,
    name,
    validity,
    name,
    sequence(ed25519, bitString(key.publicKey)),
  );
  const certificate = sequence(body, ed25519, bitString(key.sign(body)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
};

export const hostIdOfCertificate = (certificate: X509Certificate): HostId | undefined => {
  if (certificate.publicKey.asymmetricKeyType !== 'ed25519') return undefined;
  const { x } = certificate.publicKey.export({ format: 'jwk' });
  return x ? hostIdOfPublicKey(Buffer.from(x, 'base64url')) : undefined;
};

/** Who is at the other end, proved by the handshake. Undefined: no certificate, or not one of a host key. */
export const hostIdOfSocket = (socket: TLSSocket): HostId | undefined => {
  try {
    const certificate = socket.getPeerX509Certificate();
    return certificate && hostIdOfCertificate(certificate);
  } catch {
    return undefined;
  }
};
