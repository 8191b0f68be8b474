/**
 * Reading S3's XML: a small tree of elements with their text. A document type is refused, so there are no entities to
 * multiply and nothing to fetch; depth, elements and bytes are bounded.
 */
import { SaxesParser } from 'saxes';
import { xmlBytesMax, xmlDepthMax, xmlElementsMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import type { SignedIn } from './sign-in.ts';
import { wholeBody } from './whole-body.ts';

export interface XmlNode {
  /** Without its namespace prefix. */
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlNode[];
  /** `xsi:type` of a grantee and the like. */
  readonly attributes: Readonly<Record<string, string>>;
}

interface Open {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlNode[];
  text: string;
}

const malformed = (cause?: unknown): never => {
  throw s3Error('MalformedXML', undefined, cause === undefined ? {} : { cause });
};

const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

/** Throws MalformedXML. */
export const parseXml = (text: string): XmlNode => {
  const parser = new SaxesParser({ position: false });
  const open: Open[] = [];
  let found: XmlNode | undefined;
  let elements = 0;
  parser.on('error', (cause) => malformed(cause));
  parser.on('doctype', () => malformed());
  parser.on('opentag', (tag) => {
    elements += 1;
    if (elements > xmlElementsMax || open.length >= xmlDepthMax) malformed();
    const attributes = Object.entries(tag.attributes).map(([name, value]) => [name, String(value)]);
    open.push({
      name: localName(tag.name),
      attributes: Object.fromEntries(attributes),
      children: [],
      text: '',
    });
  });
  const addText = (piece: string): void => {
    const current = open.at(-1);
    if (current) current.text += piece;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const done = open.pop();
    if (!done) return;
    const parent = open.at(-1);
    if (parent) parent.children.push(done);
    else found = done;
  });
  parser.write(text).close();
  return found ?? malformed();
};

type Sent = Pick<SignedIn, 'body' | 'bytes' | 'md5'>;

/** The body of a request, checked against its MD5. Throws MalformedXML, MissingRequestBodyError, MaxMessageLengthExceeded. */
export const readXml = async (ask: Sent, rootName: string, bytesMax = xmlBytesMax): Promise<XmlNode> => {
  const text = await readText(ask, bytesMax);
  if (text === '') throw s3Error('MissingRequestBodyError');
  const node = parseXml(text);
  return node.name === rootName ? node : malformed();
};

/** Throws MaxMessageLengthExceeded, and MalformedXML on what is no UTF-8. */
export const readText = async (ask: Sent, bytesMax = xmlBytesMax): Promise<string> => {
  const bytes = await wholeBody(ask, bytesMax);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    return malformed(cause);
  }
};

export const childrenOf = (node: XmlNode, name: string): readonly XmlNode[] =>
  node.children.filter((child) => child.name === name);
export const childOf = (node: XmlNode, name: string): XmlNode | undefined =>
  node.children.find((child) => child.name === name);
/** Undefined where there is no such element. */
export const textOf = (node: XmlNode, name: string): string | undefined => childOf(node, name)?.text.trim();
/** Throws MalformedXML where there is none. Spaces count: names may begin and end with them. */
export const wantedText = (node: XmlNode, name: string): string => childOf(node, name)?.text ?? malformed();
