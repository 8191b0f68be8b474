/** A bucket's website as XML. Pure. */
import type { WebRedirect, WebRule, Website } from '../website.ts';
import { webRulesMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import { element, optional, root, type Xml } from './xml.ts';
import { childOf, childrenOf, textOf, wantedText, type XmlNode } from './xml-reader.ts';

const malformed = (): never => {
  throw s3Error('MalformedXML');
};

const protocolOf = (node: XmlNode): 'http' | 'https' | undefined => {
  const protocol = textOf(node, 'Protocol');
  if (protocol !== undefined && protocol !== 'http' && protocol !== 'https')
    throw s3Error('InvalidRequest', 'Invalid protocol, protocol can be http or https.');
  return protocol;
};

/** Throws InvalidRequest on what is no status between `from` and 599. */
const statusOf = (node: XmlNode | undefined, name: string, from: number, to: number): number | undefined => {
  const text = node && textOf(node, name);
  if (text === undefined) return undefined;
  const status = /^\d{3}$/.test(text) ? Number(text) : 0;
  if (status < from || status > to)
    throw s3Error('InvalidRequest', `The provided HTTP status (${text}) is not valid for ${name}.`);
  return status;
};

const defined = <Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;

const parseRule = (node: XmlNode): WebRule => {
  const condition = childOf(node, 'Condition');
  const redirect = childOf(node, 'Redirect') ?? malformed();
  const [key, prefix] = [
    childOf(redirect, 'ReplaceKeyWith')?.text,
    childOf(redirect, 'ReplaceKeyPrefixWith')?.text,
  ];
  if (key !== undefined && prefix !== undefined)
    throw s3Error('InvalidRequest', 'You can only define ReplaceKeyPrefix or ReplaceKey but not both.');
  const to: WebRedirect = defined({
    host: textOf(redirect, 'HostName'),
    protocol: protocolOf(redirect),
    status: statusOf(redirect, 'HttpRedirectCode', 301, 399),
    key,
    prefix,
  });
  return {
    ...defined({
      prefix: condition && childOf(condition, 'KeyPrefixEquals')?.text,
      status: statusOf(condition, 'HttpErrorCodeReturnedEquals', 400, 599),
    }),
    redirect: to,
  };
};

/** `WebsiteConfiguration`. Throws MalformedXML, InvalidArgument, InvalidRequest. */
export const parseWebsite = (node: XmlNode): Website => {
  const all = childOf(node, 'RedirectAllRequestsTo');
  if (all)
    return { all: { host: wantedText(all, 'HostName').trim(), ...defined({ protocol: protocolOf(all) }) } };
  const index = wantedText(childOf(node, 'IndexDocument') ?? malformed(), 'Suffix').trim();
  if (index === '' || index.includes('/'))
    throw s3Error('InvalidArgument', 'The IndexDocument Suffix is not well formed');
  const error = childOf(node, 'ErrorDocument');
  const rules = childrenOf(childOf(node, 'RoutingRules') ?? node, 'RoutingRule').map(parseRule);
  if (rules.length > webRulesMax) throw s3Error('InvalidRequest', `At most ${webRulesMax} routing rules`);
  return { index, ...(error ? { error: wantedText(error, 'Key') } : {}), rules };
};

const redirectXml = ({ host, protocol, status, key, prefix }: WebRedirect): Xml =>
  element('Redirect', [
    optional('Protocol', protocol),
    optional('HostName', host),
    optional('ReplaceKeyPrefixWith', prefix),
    optional('ReplaceKeyWith', key),
    optional('HttpRedirectCode', status),
  ]);

export const websiteText = (website: Website): string =>
  root(
    'WebsiteConfiguration',
    'all' in website
      ? [
          element('RedirectAllRequestsTo', [
            element('HostName', website.all.host),
            optional('Protocol', website.all.protocol),
          ]),
        ]
      : [
          element('IndexDocument', [element('Suffix', website.index)]),
          optional(
            'ErrorDocument',
            website.error === undefined ? undefined : [element('Key', website.error)],
          ),
          optional(
            'RoutingRules',
            website.rules.length === 0
              ? undefined
              : website.rules.map(({ prefix, status, redirect }) =>
                  element('RoutingRule', [
                    optional(
                      'Condition',
                      prefix === undefined && status === undefined
                        ? undefined
                        : [
                            optional('KeyPrefixEquals', prefix),
                            optional('HttpErrorCodeReturnedEquals', status),
                          ],
                    ),
                    redirectXml(redirect),
                  ]),
                ),
          ),
        ],
  );
