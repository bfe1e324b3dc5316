// Sources: the project's own files, and what the tidy tests find in their text.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

export interface Source {
  /** Path from the project's root. */
  path: string;
  text: string;
  lines: string[];
}

/** A span of lines, the first and the last counted from 1. */
export interface Span {
  name: string;
  first: number;
  last: number;
}

const root = join(import.meta.dirname, '../..');

export function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  return { path, text, lines: text.split('\n') };
}

export function sourcesUnder(folder: string, ending: RegExp): Source[] {
  const paths = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  const chosen = paths.filter((path) => ending.test(path) && !path.includes('node_modules'));
  return chosen.sort().map((path) => read(`${folder}/${path}`));
}

/** The files of this project that a TypeScript file imports, as paths from the root. */
export function importsOf({ path, text }: Source): { line: number; target: string }[] {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName, pos }) => ({
      line: text.slice(0, pos).split('\n').length,
      target: join(dirname(path), fileName),
    }));
}

/** Functions, methods and accessors of a TypeScript file. */
export function functionsOf({ path, text }: Source): Span[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const line = (position: number) => file.getLineAndCharacterOfPosition(position).line + 1;
  const found: Span[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const name = node.name && ts.isIdentifier(node.name) ? node.name.text : 'anonymous function';
      found.push({ name, first: line(node.getStart()), last: line(node.end) });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/**
 * Functions of a C++ file laid out by clang-format: the first line starts at column 1, or at 3 inside a
 * class; the signature, which may take several lines, ends with a brace, and the closing brace stands under
 * the first line. Namespaces and types are not functions.
 */
export function functionsOfCxx({ lines }: Source): Span[] {
  const found: Span[] = [];
  lines.forEach((line, index) => {
    const indent = /^( {2})?[\w~[:]/.exec(line);
    if (!indent || /^\s*(namespace|class|struct|enum|union|if|for|while|switch|return)\b/.test(line)) return;
    const opening = lines.findIndex((each, at) => at >= index && /[{};]$/.test(each));
    const signature = lines.slice(index, opening + 1).join(' ');
    if (!/\).*\{$/.test(signature) || /= *\{$/.test(signature)) return;
    const end = lines.indexOf(`${indent[1] ?? ''}}`, opening + 1);
    if (end > 0) found.push({ name: line.trim(), first: index + 1, last: end + 1 });
  });
  return found;
}

/** Constants, functions and classes that a TypeScript file exports. Types are not among them. */
export function exportsOf({ text }: Source): { name: string; line: number }[] {
  return [...text.matchAll(/^export (?:const|(?:async )?function\*?|class) (\w+)/gm)].map((match) => ({
    name: match[1] ?? '',
    line: text.slice(0, match.index).split('\n').length,
  }));
}

/** The names that a TypeScript file imports, at its top or by `await import()`. */
export function namesImportedBy({ text }: Source): string[] {
  const clauses = text.matchAll(
    /^(?:import|export) [^;'"]*from|\{[^{}]*\} = await import\(|\(await import\('[^']*'\)\)\.\w+/gm,
  );
  return [...clauses].flatMap(([clause]) => clause.match(/\w+/g) ?? []);
}

/** A regular expression of a TypeScript file; what a template puts in is taken for a letter. */
export interface Pattern {
  path: string;
  line: number;
  pattern: RegExp;
}

export function patternsOf({ path, text }: Source): Pattern[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Pattern[] = [];
  const add = (node: ts.Node, source: string, flags: string) => {
    const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    found.push({ path, line, pattern: new RegExp(source, flags) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      add(node, node.text.slice(1, end), node.text.slice(end + 1));
    }
    if (ts.isNewExpression(node) && node.expression.getText() === 'RegExp') {
      const [source, flags] = node.arguments ?? [];
      add(node, source ? textOf(source) : '', flags ? textOf(flags) : '');
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function textOf(node: ts.Node): string {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) throw new Error(`${node.getText()}: expected a text or a template`);
  return node.head.text + node.templateSpans.map(({ literal }) => `x${literal.text}`).join('');
}
