/**
 * What a signed form may contain: each of its fields must be named by a condition, and each condition must hold.
 *
 *     { "expiration": "2026-11-25T12:00:00Z", "conditions": [ { "bucket": "photos" },
 *       ["starts-with", "$key", "reef/"], ["content-length-range", 1, 1048576] ] }
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 */
import { textOf } from '../../base/text.ts';
import { s3Error } from './s3-error.ts';
import type { FormFields } from './sign/form.ts';
import { parseSignedTime } from './sign/signed-time.ts';

export interface LengthRange {
  readonly bytesMin: number;
  readonly bytesMax: number;
}

interface FieldCondition {
  readonly name: string;
  readonly isPrefix: boolean;
  readonly value: string;
}

const malformed = (why: string): never => {
  throw s3Error('InvalidPolicyDocument', `Invalid Policy: ${why}.`);
};
const denied = (why: string): never => {
  throw s3Error('AccessDenied', `Invalid according to Policy: ${why}`);
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';

const readBytes = (value: unknown): number => {
  const text = textOf(value);
  return /^\d{1,15}$/.test(text) ? Number(text) : malformed('content-length-range takes two numbers');
};

const readCondition = (value: unknown): FieldCondition[] | LengthRange => {
  if (isRecord(value) && Object.keys(value).length > 0)
    return Object.entries(value).map(([name, text]) =>
      isText(text)
        ? { name: name.toLowerCase(), isPrefix: false, value: text }
        : malformed('values of conditions are strings'),
    );
  if (!Array.isArray(value) || value.length !== 3)
    return malformed('a condition is an object or a list of three');
  const [operator, name, text]: readonly unknown[] = value;
  const kind = textOf(operator).toLowerCase();
  if (kind === 'content-length-range') return { bytesMin: readBytes(name), bytesMax: readBytes(text) };
  if (!['eq', 'starts-with'].includes(kind)) return malformed(`unknown operation ${kind.slice(0, 64)}`);
  if (!isText(name) || !isText(text) || !name.startsWith('$'))
    return malformed('a condition names a field: $name');
  return [{ name: name.slice(1).toLowerCase(), isPrefix: kind === 'starts-with', value: text }];
};

const decode = (text: string): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64')));
  } catch {
    return malformed('it is no JSON in base64');
  }
};

/** Those need no condition: what signs the policy, and what the sender says is none of its business. */
const isFree = (name: string): boolean =>
  ['policy', 'signature', 'x-amz-signature', 'awsaccesskeyid', 'file', 'submit'].includes(name) ||
  name.startsWith('x-ignore-');

/** Of a field whose condition says how it begins each part between commas is looked at. */
const begins = (name: string, value: string, prefix: string): boolean =>
  name === 'content-type'
    ? value.split(',').every((part) => part.trim().startsWith(prefix))
    : value.startsWith(prefix);

/** `fields`: with `bucket`, and with the file's name in the key. Throws InvalidPolicyDocument, AccessDenied. */
export const checkFormPolicy = (
  policy: string,
  fields: FormFields,
  nowMs: number,
): LengthRange | undefined => {
  const document = decode(policy);
  if (!isRecord(document) || !isText(document.expiration) || !Array.isArray(document.conditions))
    return malformed('it has an expiration and conditions');
  const endsAtMs = parseSignedTime(document.expiration) ?? malformed('its expiration is no time');
  if (nowMs >= endsAtMs) denied('Policy expired.');
  const conditions = document.conditions.map(readCondition);
  const named = conditions.filter((one) => Array.isArray(one)).flat();
  for (const { name, isPrefix, value } of named) {
    const given = fields.get(name) ?? '';
    if (isPrefix ? !begins(name, given, value) : given !== value)
      denied(`Policy Condition failed: ["${isPrefix ? 'starts-with' : 'eq'}", "$${name}", "${value}"]`);
  }
  const extra = [...fields.keys()].find((name) => !isFree(name) && !named.some((one) => one.name === name));
  if (extra !== undefined) denied(`Extra input fields: ${extra}`);
  const ranges = conditions.filter((one): one is LengthRange => !Array.isArray(one));
  if (ranges.length === 0) return undefined;
  return {
    bytesMin: Math.max(...ranges.map(({ bytesMin }) => bytesMin)),
    bytesMax: Math.min(...ranges.map(({ bytesMax }) => bytesMax)),
  };
};
