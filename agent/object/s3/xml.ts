/**
 * Writing S3's XML. A document is text built from elements; what stands in one is escaped here and nowhere else, and
 * what XML 1.0 cannot say at all (control characters, half surrogates) becomes U+FFFD: clients that need such names
 * ask for `encoding-type=url`.
 */
export const xmlType = 'application/xml';
export const s3Namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Text that is XML already. */
export interface Xml {
  readonly xml: string;
}

const entity: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};

const escapeXml = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/(?![\t\n\r\x7f-\x9f])\p{Cc}|[\ufffe\uffff]/gu, '\ufffd')
    .replaceAll(/[&<>"\r]/g, (letter) => entity[letter] ?? letter);

export type XmlContent = string | number | boolean | readonly (Xml | undefined)[];

/** `undefined` among the children is left out. */
export const element = (name: string, content: XmlContent, attributes = ''): Xml => {
  const inner =
    typeof content === 'object'
      ? content.map((child) => child?.xml ?? '').join('')
      : escapeXml(String(content));
  return { xml: inner === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${inner}</${name}>` };
};

/** Present only where there is a value. */
export const optional = (name: string, content: XmlContent | undefined): Xml | undefined =>
  content === undefined ? undefined : element(name, content);

/** The root of an answer: in S3's namespace. */
export const root = (name: string, content: XmlContent): string =>
  xmlDocument(element(name, content, ` xmlns="${s3Namespace}"`));

export const xmlDocument = ({ xml }: Xml): string => `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`;
