/**
 * Metadata in headers. Names are kept in lower case and shown as `X-Object-Meta-Colour`; values are kept as text.
 * Node hands header bytes over as latin1, Swift's clients send UTF-8: the two are turned into each other here.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ShoalError } from '../../proto/error.ts';
import {
  headerValueBytesMax,
  metadataBytesMax,
  metadataCountMax,
  metadataNameBytesMax,
  metadataValueBytesMax,
} from './limits.ts';

export type Metadata = Readonly<Record<string, string>>;
export type MetadataKind = 'account' | 'container' | 'object';

const refuse = (message: string): never => {
  throw new ShoalError('BAD_REQUEST', message);
};

/** The value of a header as the client meant it. Throws BAD_REQUEST on invalid UTF-8. */
export const headerText = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const raw = headers[name];
  if (raw === undefined) return undefined;
  const value = Array.isArray(raw) ? raw.join(', ') : raw;
  const bytes = Buffer.from(value, 'latin1');
  const text = bytes.toString('utf8');
  if (text.includes('\uFFFD') && !bytes.equals(Buffer.from(text)))
    refuse(`Cannot read the header ${name}: it must be valid UTF-8`);
  return text;
};

/** A stored text as a header's value. */
export const headerValue = (text: string): string => Buffer.from(text).toString('latin1');

const titleCase = (name: string): string => name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase());

/** `X-Container-Meta-Colour: blue` for each. */
export const metadataHeaders = (kind: MetadataKind, metadata: Metadata): Record<string, string> =>
  Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [
      titleCase(`x-${kind}-meta-${name}`),
      headerValue(value),
    ]),
  );

/** What is stored may not exceed Swift's limits; the message is Swift's. Throws BAD_REQUEST. */
const checkMetadata = (metadata: Metadata): Metadata => {
  let bytes = 0;
  const entries = Object.entries(metadata);
  for (const [name, value] of entries) {
    const valueBytes = Buffer.byteLength(value);
    if (name.length > metadataNameBytesMax) refuse(`Metadata name too long: ${name.length} bytes`);
    if (valueBytes > metadataValueBytesMax)
      refuse(`Metadata value longer than ${metadataValueBytesMax}: ${name}`);
    bytes += name.length + valueBytes;
  }
  if (entries.length > metadataCountMax) refuse(`Too many metadata items; max ${metadataCountMax}`);
  if (bytes > metadataBytesMax) refuse(`Total metadata too large; max ${metadataBytesMax}`);
  return metadata;
};

/** What follows the prefix. Swift behind WSGI cannot tell `_` from `-`, and clients have come to rely on it. */
const metadataName = (prefix: string, header: string): string | undefined => {
  const name = header.replaceAll('_', '-');
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
};

/** The `x-<kind>-meta-*` headers of a request. Throws BAD_REQUEST. */
export const readMetadata = (kind: MetadataKind, headers: IncomingHttpHeaders): Metadata => {
  const prefix = `x-${kind}-meta-`;
  const found: Record<string, string> = {};
  for (const header in headers) {
    const name = metadataName(prefix, header);
    if (name === undefined) continue;
    if (name === '') refuse('Metadata name cannot be empty');
    found[name] = headerText(headers, header) ?? '';
  }
  return checkMetadata(found);
};

/**
 * Accounts and containers keep what a request does not mention; an empty value or `X-Remove-<Kind>-Meta-*`
 * takes an item away. Throws BAD_REQUEST when the result is beyond the limits.
 */
export const mergeMetadata = (kind: MetadataKind, old: Metadata, headers: IncomingHttpHeaders): Metadata => {
  const removePrefix = `x-remove-${kind}-meta-`;
  const merged: Record<string, string> = { ...old };
  for (const header in headers) {
    const name = metadataName(removePrefix, header);
    if (name !== undefined) delete merged[name];
  }
  for (const [name, value] of Object.entries(readMetadata(kind, headers)))
    if (value === '') delete merged[name];
    else merged[name] = value;
  return checkMetadata(merged);
};

/** Makes an object the manifest of a dynamic large one. */
export const manifestHeader = 'x-object-manifest';

/** Response headers that an object keeps for its readers beside its metadata, as Swift's `allowed_headers`. */
const keptHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
  'x-robots-tag',
  manifestHeader,
] as const;

/** Throws BAD_REQUEST on a value that is too long. */
export const readKeptHeaders = (headers: IncomingHttpHeaders): Metadata => {
  const kept: Record<string, string> = {};
  for (const name of keptHeaders) {
    const value = headerText(headers, name);
    if (value === undefined || value === '') continue;
    if (Buffer.byteLength(value) > headerValueBytesMax)
      refuse(`Header ${name} longer than ${headerValueBytesMax}`);
    kept[name] = value;
  }
  return kept;
};

export const keptHeaderValues = (kept: Metadata): Record<string, string> =>
  Object.fromEntries(Object.entries(kept).map(([name, value]) => [titleCase(name), headerValue(value)]));
