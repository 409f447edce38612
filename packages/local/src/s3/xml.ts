import { S3Error } from './errors.ts';

export interface XmlElement {
  name: string;
  text: string;
  children: XmlElement[];
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** An element to write; an undefined value leaves it out. */
export function xml(name: string, content: string | number | boolean | string[] | undefined): string {
  if (content === undefined) return '';
  const inner = Array.isArray(content) ? content.join('') : escape(String(content));
  return `<${name}>${inner}</${name}>`;
}

export function xmlDocument(root: string, children: string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${children.join('')}</${root}>`;
}

/** S3's errors have no namespace. */
export function xmlError(children: string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xml('Error', children)}`;
}

/** Control characters too, as S3 does: a key may hold them, and a bare CR would be read as LF. */
function escape(text: string): string {
  return text.replace(/[&<>"\p{Cc}]/gu, (char) => `&#${char.charCodeAt(0)};`);
}

const TOKEN = /<\?[^>]*\?>|<!--.*?-->|<(\/?)([\w:.-]+)([^<>]*?)(\/?)>|([^<]+)/gsy;

/**
 * Reads the small documents that S3's clients send: elements and text. Attributes are skipped; a DOCTYPE, and with it
 * any entity but XML's own five, is an error.
 *
 * @throws S3Error MalformedXML
 */
export function parseXml(source: string): XmlElement {
  const top: XmlElement = { name: '', text: '', children: [] };
  const open = [top];
  let end = 0;
  for (const token of source.matchAll(TOKEN)) {
    end = token.index + token[0].length;
    const [, closing, name, , empty, text] = token;
    const parent = open.at(-1);
    if (!parent) break;
    if (text !== undefined) parent.text += unescape(text);
    else if (closing) {
      if (parent.name !== name || open.length === 1) throw new S3Error('MalformedXML');
      open.pop();
    } else if (name !== undefined) {
      const element: XmlElement = { name, text: '', children: [] };
      parent.children.push(element);
      if (!empty) open.push(element);
    }
  }
  const [root] = top.children;
  if (end !== source.length || open.length !== 1 || top.children.length !== 1 || !root) {
    throw new S3Error('MalformedXML');
  }
  return root;
}

export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

export function textsOf(element: XmlElement, name: string): string[] {
  return childrenOf(element, name).map((child) => child.text);
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w*));?/gi, (_all, decimal, hex, name) => {
    const code = decimal ? Number(decimal) : Number.parseInt(String(hex), 16);
    const char = name === undefined ? toChar(code) : ENTITIES[String(name)];
    if (char === undefined) throw new S3Error('MalformedXML');
    return char;
  });
}

function toChar(code: number): string | undefined {
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
