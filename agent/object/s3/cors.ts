/** The rules of a bucket for pages in browsers, the question that a browser asks first, and what answers then say. */
import type { IncomingHttpHeaders } from 'node:http';
import { asShoalError, ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { Address } from './address.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { changeSettings, findBucket, openBucket } from './bucket-access.ts';
import { type CorsAsk, corsXml, readCors, ruleFor, ruleHeaders } from './cors-rule.ts';
import { corsBytesMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import { readXml } from './xml-reader.ts';

export const getCors = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { name, row } = await openBucket(context, ask, { name: 's3:GetBucketCORS', use: 'readAccount' });
  const rules = row.bucket?.cors;
  if (!rules) throw s3Error('NoSuchCORSConfiguration', undefined, { fields: { BucketName: name } });
  return xmlAnswer(corsXml(rules));
};

export const putCors = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, { name: 's3:PutBucketCORS', use: 'writeContainer' });
  const cors = readCors(await readXml(ask, 'CORSConfiguration', corsBytesMax));
  await changeSettings(context, bucket, () => ({ cors }));
  record(context, ask, 'container.cors');
  return {};
};

export const deleteCors = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, { name: 's3:PutBucketCORS', use: 'writeContainer' });
  await changeSettings(context, bucket, () => ({ cors: undefined }));
  record(context, ask, 'container.cors');
  return { status: 204 };
};

const namesIn = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^[\w-]+$/.test(name));

const forbidden = (message: string, method: string, { key }: Address): ShoalError =>
  s3Error('AccessForbidden', `CORSResponse: ${message}`, {
    fields: { Method: method, ResourceType: key === '' ? 'BUCKET' : 'OBJECT' },
  });

/** OPTIONS, which nobody signs. Throws BadRequest, AccessForbidden, NoSuchBucket. */
export const preflight = async (
  context: S3Context,
  address: Address,
  headers: IncomingHttpHeaders,
): Promise<ApiAnswer> => {
  const { origin, 'access-control-request-method': method } = headers;
  if (origin === undefined)
    throw s3Error('BadRequest', 'Insufficient information. Origin request header needed.');
  if (method === undefined) throw s3Error('BadRequest', 'Invalid Access-Control-Request-Method: null');
  const { row } = await findBucket(context, { principal: undefined }, address.bucket);
  const rules = row.bucket?.cors;
  if (!rules) throw forbidden('CORS is not enabled for this bucket.', method, address);
  const ask: CorsAsk = { origin, method, headers: namesIn(headers['access-control-request-headers']) };
  const rule = ruleFor(rules, ask);
  if (!rule)
    throw forbidden(
      'This CORS request is not allowed. This is usually because the evaluation of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource’s CORS spec.',
      method,
      address,
    );
  return { headers: ruleHeaders(rule, ask), body: '' };
};

/** What the answer to a page adds; nothing to one whose origin no rule has. */
const corsHeaders = async (
  context: S3Context,
  who: Pick<S3Ask, 'principal'>,
  { bucket }: Address,
  ask: CorsAsk,
): Promise<Record<string, string>> => {
  const found = bucket === '' ? undefined : await findBucket(context, who, bucket).catch(() => undefined);
  const rule = ruleFor(found?.row.bucket?.cors ?? [], ask);
  return rule ? ruleHeaders(rule, ask) : {};
};

/** Answers and refusals alike: a page cannot read what does not say that it may. */
export const withCors = async (
  context: S3Context,
  address: Address,
  request: { readonly method: string; readonly origin: string | undefined },
  work: (told: (who: Pick<S3Ask, 'principal'>) => void) => Promise<ApiAnswer>,
): Promise<ApiAnswer> => {
  const { origin, method } = request;
  let who: Pick<S3Ask, 'principal'> = { principal: undefined };
  const told = (caller: Pick<S3Ask, 'principal'>): void => {
    who = caller;
  };
  if (origin === undefined) return work(told);
  const more = () => corsHeaders(context, who, address, { origin, method, headers: [] });
  try {
    const answer = await work(told);
    return { ...answer, headers: { ...(await more()), ...answer.headers } };
  } catch (thrown) {
    const { code, message, details } = asShoalError(thrown);
    const headers = { ...(await more()), ...(details.headers as Record<string, string> | undefined) };
    throw new ShoalError(code, message, { details: { ...details, headers }, cause: thrown });
  }
};
