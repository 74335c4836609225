import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { alignUp, COMMIT_HEAD_BYTES, COMMIT_MARK, HEADER_BYTES } from '../../engine/journal/checkpoint/format.ts';
import { copiesOf } from '../../engine/journal/checkpoint/names.ts';
import { flipBit } from '../journal/checkpoint/sections.ts';

/** The parts of a checkpoint file that can be damaged: its header; the first frame and the commit record of its last section. */
export const PLACES = ['header', 'frame', 'commit'] as const;
export type Place = (typeof PLACES)[number];
export type Copy = 'a' | 'b';

/** Flips a bit in these copies of the newest checkpoint. */
export function damageNewestSection(folder: string, place: Place, copies: readonly Copy[]): void {
  const newest = generationsIn(folder).findLast((generation) => sectionsOf(folder, generation) > 0);
  if (newest === undefined) throw new Error(`there is no checkpoint in ${folder}`);
  damage(folder, newest, place, copies);
}

/** Flips a bit in all checkpoints. */
export function damageAll(folder: string, place: Place, copies: readonly Copy[]): void {
  for (const generation of generationsIn(folder)) damage(folder, generation, place, copies);
}

/** The number of the newest files; 0 if there are none. */
export function newestGeneration(folder: string): number {
  return generationsIn(folder).at(-1) ?? 0;
}

/** How many committed sections these files have. */
export function sectionsOf(folder: string, generation: number): number {
  const [path] = copiesOf(folder, generation);
  return existsSync(path) ? commitsIn(readFileSync(path)).length : 0;
}

function damage(folder: string, generation: number, place: Place, copies: readonly Copy[]): void {
  const [a, b] = copiesOf(folder, generation);
  const position = positionOf(place, readFileSync(a));
  for (const copy of copies) {
    const path = { a, b }[copy];
    if (statSync(path).size > position) flipBit(path, position);
  }
}

function positionOf(place: Place, bytes: Buffer): number {
  if (place === 'header') return HEADER_BYTES - 1;
  const commits = commitsIn(bytes);
  if (place === 'commit') return commits.at(-1)! + COMMIT_HEAD_BYTES + 1;
  const before = commits.at(-2);
  return before === undefined
    ? HEADER_BYTES
    : alignUp(before + COMMIT_HEAD_BYTES + bytes.readUInt32LE(before + COMMIT_MARK.length));
}

function commitsIn(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(COMMIT_MARK); at >= 0; at = bytes.indexOf(COMMIT_MARK, at + 1)) found.push(at);
  return found;
}

function generationsIn(folder: string): number[] {
  const found = readdirSync(folder).flatMap((name) => /^checkpoint-(\d+)-a\.bin$/.exec(name)?.[1] ?? []);
  return found.map(Number).sort((a, b) => a - b);
}
