/**
 * Whose pages may use a bucket from a browser, and how: the first rule that fits origin, method and headers decides.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
 */

import { matchesPattern } from '../bucket-policy/pattern.ts';
import type { CorsRule } from '../bucket-settings.ts';
import { corsRulesMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import { element, optional, root } from './xml.ts';
import { childrenOf, textOf, type XmlNode } from './xml-reader.ts';

const methods: readonly string[] = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'];

const texts = (node: XmlNode, name: string): readonly string[] =>
  childrenOf(node, name).map(({ text }) => text.trim());

const oneStar = (text: string, what: string): void => {
  if (text.split('*').length > 2)
    throw s3Error('InvalidRequest', `${what} "${text}" can not have more than one wildcard.`);
};

const readRule = (node: XmlNode): CorsRule => {
  const rule = {
    origins: texts(node, 'AllowedOrigin'),
    methods: texts(node, 'AllowedMethod'),
    headers: texts(node, 'AllowedHeader'),
    exposed: texts(node, 'ExposeHeader'),
  };
  if (rule.origins.length === 0 || rule.methods.length === 0) throw s3Error('MalformedXML');
  for (const origin of rule.origins) oneStar(origin, 'AllowedOrigin');
  for (const header of rule.headers) oneStar(header, 'AllowedHeader');
  const strange = rule.methods.find((method) => !methods.includes(method));
  if (strange !== undefined)
    throw s3Error(
      'InvalidRequest',
      `Found unsupported HTTP method in CORS config. Unsupported method is ${strange}`,
    );
  const age = textOf(node, 'MaxAgeSeconds');
  if (age !== undefined && !/^\d{1,9}$/.test(age)) throw s3Error('MalformedXML');
  // What a page may see goes out in a header as it is.
  if (!rule.exposed.every((name) => /^[\w-]+\*?$/.test(name)))
    throw s3Error('InvalidRequest', 'ExposeHeader has a name that is no name of a header.');
  return {
    ...rule,
    id: textOf(node, 'ID'),
    maxAgeSeconds: age === undefined ? undefined : Number(age),
  };
};

/** Throws MalformedXML, InvalidRequest. */
export const readCors = (node: XmlNode): readonly CorsRule[] => {
  const rules = childrenOf(node, 'CORSRule').map(readRule);
  if (rules.length === 0 || rules.length > corsRulesMax) throw s3Error('MalformedXML');
  return rules;
};

export const corsXml = (rules: readonly CorsRule[]): string =>
  root(
    'CORSConfiguration',
    rules.map((rule) =>
      element('CORSRule', [
        optional('ID', rule.id),
        ...rule.headers.map((text) => element('AllowedHeader', text)),
        ...rule.methods.map((text) => element('AllowedMethod', text)),
        ...rule.origins.map((text) => element('AllowedOrigin', text)),
        ...rule.exposed.map((text) => element('ExposeHeader', text)),
        optional('MaxAgeSeconds', rule.maxAgeSeconds),
      ]),
    ),
  );

export interface CorsAsk {
  readonly origin: string;
  readonly method: string;
  /** That a page wants to send. */
  readonly headers: readonly string[];
}

export const ruleFor = (rules: readonly CorsRule[], ask: CorsAsk): CorsRule | undefined =>
  rules.find(
    (rule) =>
      rule.methods.includes(ask.method) &&
      rule.origins.some((pattern) => matchesPattern(pattern, ask.origin)) &&
      ask.headers.every((header) =>
        rule.headers.some((pattern) => matchesPattern(pattern.toLowerCase(), header.toLowerCase())),
      ),
  );

/** What an answer to a page says. */
export const ruleHeaders = (rule: CorsRule, { origin, headers }: CorsAsk): Record<string, string> => {
  const isAny = rule.origins.includes('*');
  return {
    'Access-Control-Allow-Origin': isAny ? '*' : origin,
    'Access-Control-Allow-Methods': rule.methods.join(', '),
    ...(headers.length === 0 ? {} : { 'Access-Control-Allow-Headers': headers.join(', ') }),
    ...(rule.exposed.length === 0 ? {} : { 'Access-Control-Expose-Headers': rule.exposed.join(', ') }),
    ...(rule.maxAgeSeconds === undefined ? {} : { 'Access-Control-Max-Age': String(rule.maxAgeSeconds) }),
    ...(isAny ? {} : { 'Access-Control-Allow-Credentials': 'true' }),
    Vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
};
