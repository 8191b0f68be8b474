/** A bucket's website: its settings, and its pages for whoever comes to `BUCKET.s3-website.DOMAIN`. */
import { asShoalError, ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { indexKey, redirectTo, ruleFor, type Website } from '../website.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { changeSettings, findBucket, openBucket } from './bucket-access.ts';
import { getObject } from './object.ts';
import { s3CodeOf, s3Codes, s3Error } from './s3-error.ts';
import { parseWebsite, websiteText } from './website-words.ts';
import { element } from './xml.ts';
import { readXml } from './xml-reader.ts';

const missing = (name: string) =>
  s3Error('NoSuchWebsiteConfiguration', undefined, { fields: { BucketName: name } });

export const getWebsite = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { name, row } = await openBucket(context, ask, { name: 's3:GetBucketWebsite', use: 'readContainer' });
  if (!row.bucket?.website) throw missing(name);
  return xmlAnswer(websiteText(row.bucket.website));
};

export const putWebsite = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const website = parseWebsite(await readXml(ask, 'WebsiteConfiguration'));
  const bucket = await openBucket(context, ask, { name: 's3:PutBucketWebsite', use: 'writeContainer' });
  await changeSettings(context, bucket, () => ({ website }));
  record(context, ask, 'container.website');
  return {};
};

export const deleteWebsite = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, { name: 's3:DeleteBucketWebsite', use: 'writeContainer' });
  await changeSettings(context, bucket, () => ({ website: undefined }));
  record(context, ask, 'container.website');
  return { status: 204 };
};

const redirectHeader = 'X-Amz-Website-Redirect-Location';

/** An object may say that it stands for another place. */
const orRedirect = (answer: ApiAnswer): ApiAnswer => {
  const to = answer.headers?.[redirectHeader];
  return typeof to === 'string' ? { status: 301, headers: { Location: to } } : answer;
};

/** S3's page for a refusal that no object of the bucket explains. */
const errorPage = (error: ShoalError, status: number): ApiAnswer => {
  const code = s3CodeOf(error);
  const title = `${status} ${code}`;
  const page = element('html', [
    element('head', [element('title', title)]),
    element('body', [
      element('h1', title),
      element('ul', [element('li', `Code: ${code}`), element('li', `Message: ${error.message}`)]),
    ]),
  ]);
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=utf-8', 'x-amz-error-code': code },
    body: page.xml,
  };
};

const exists = async (context: S3Context, ask: S3Ask): Promise<boolean> =>
  getObject(context, { ...ask, method: 'HEAD' }).then(
    () => true,
    (thrown) => {
      if (thrown instanceof ShoalError) return false;
      throw thrown;
    },
  );

/** What is answered in place of an object that nobody may have. */
const instead = async (
  context: S3Context,
  ask: S3Ask,
  website: Extract<Website, { index: string }>,
  error: ShoalError,
): Promise<ApiAnswer> => {
  const { key } = ask;
  const status: number = s3Codes[s3CodeOf(error)].http;
  const folder = `${key}/`;
  if (key !== '' && !key.endsWith('/') && (await exists(context, { ...ask, key: folder + website.index })))
    return { status: 302, headers: { Location: `/${encodeURI(folder)}` } };
  const rule = ruleFor(website.rules, key, status);
  if (rule) {
    const { status: code, location } = redirectTo(rule, key, ask.origin);
    return { status: code, headers: { Location: location } };
  }
  if (website.error === undefined) return errorPage(error, status);
  const { range: _range, ...headers } = ask.headers;
  try {
    return { ...(await getObject(context, { ...ask, headers, key: website.error })), status };
  } catch (thrown) {
    if (!(thrown instanceof ShoalError)) throw thrown;
    return errorPage(error, status);
  }
};

const pageOf = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  if (ask.method !== 'GET' && ask.method !== 'HEAD') throw s3Error('MethodNotAllowed');
  const { name, row } = await findBucket(context, ask, ask.bucket);
  const website = row.bucket?.website;
  if (!website) throw missing(name);
  if ('all' in website) {
    const { status, location } = redirectTo({ redirect: website.all }, ask.key, ask.origin);
    return { status, headers: { Location: location } };
  }
  const rule = ruleFor(website.rules, ask.key, undefined);
  if (rule) {
    const { status, location } = redirectTo(rule, ask.key, ask.origin);
    return { status, headers: { Location: location } };
  }
  try {
    return orRedirect(await getObject(context, { ...ask, key: indexKey(ask.key, website.index) }));
  } catch (thrown) {
    const error = asShoalError(thrown);
    if (error.status >= 500 || error.code === 'RANGE_NOT_SATISFIABLE') throw thrown;
    return instead(context, ask, website, error);
  }
};

/** The public's view: no key opens anything here, and refusals are pages. */
export const servePage = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  try {
    return await pageOf(context, ask);
  } catch (thrown) {
    const error = asShoalError(thrown);
    if (error.code === 'INTERNAL') throw thrown;
    return errorPage(error, s3Codes[s3CodeOf(error)].http);
  }
};
