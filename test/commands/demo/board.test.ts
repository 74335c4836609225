import { beforeEach, describe, expect, test } from 'vitest';
import { type Board, createBoard } from '../../../engine/commands/demo/board.ts';

const AT = '2026-01-02T03:04:05.000Z';
const LATER = '2026-01-02T03:04:15.000Z';

function event(offset: number, state: string, key: string, at = AT): string {
  return JSON.stringify({
    id: `journal.${offset}.hot.${key}.${state}`,
    type: `weir.alert.${state}`,
    data: { rule: 'hot', key, severity: 'warning', message: `${key} ${state}`, since: AT, at },
  });
}

let board: Board;
beforeEach(() => {
  board = createBoard();
});

describe('a board', () => {
  test('shows the newest alert first, and moves it over when it resolves, with what it said when it fired', () => {
    board.begin(0, []);
    board.take(event(1, 'firing', 'a'));
    board.take(event(2, 'firing', 'b'));
    expect(board.open.map(({ key }) => key)).toEqual(['b', 'a']);
    board.take(event(3, 'resolved', 'a', LATER));
    expect(board.open.map(({ key }) => key)).toEqual(['b']);
    expect(board.resolved).toEqual([
      {
        rule: 'hot',
        key: 'a',
        severity: 'warning',
        message: 'a firing',
        sinceAt: Date.parse(AT),
        resolvedAt: Date.parse(LATER),
      },
    ]);
    expect([board.firing, board.resolvedCount, board.events]).toEqual([2, 1, 3]);
  });

  test('counts every id once, other events too, and passes over what is no event of an engine', () => {
    board.begin(0, []);
    board.take(event(1, 'firing', 'a'));
    board.take(event(1, 'firing', 'a'));
    board.take(JSON.stringify({ id: 'journal.2.deadletter', type: 'weir.deadletter', data: {} }));
    for (const body of ['no JSON', '5', 'null', '{}', '{"id":"x","type":"weir.alert.firing"}']) board.take(body);
    expect([board.firing, board.events]).toEqual([1, 2]);
  });

  test('counts from its beginning on, also what came before it was told where that is', () => {
    board.take(event(9, 'firing', 'old'));
    board.take(event(10, 'firing', 'new'));
    board.take(event(11, 'resolved', 'standing', LATER));
    expect(board.events).toBe(0);
    board.begin(10, [{ rule: 'hot', key: 'standing', severity: 'info', message: 'from before', sinceAt: 1 }]);
    expect(board.open.map(({ key }) => key)).toEqual(['new']);
    expect(board.resolved.map(({ message }) => message)).toEqual(['from before']);
    expect([board.firing, board.resolvedCount, board.events]).toEqual([1, 1, 2]);
  });

  test('keeps the last 20 resolved ones', () => {
    board.begin(0, []);
    for (let i = 0; i < 30; i++) board.take(event(i, 'resolved', `d${i}`, LATER));
    expect(board.resolved).toHaveLength(20);
    expect(board.resolved[0]?.key).toBe('d29');
    expect(board.resolvedCount).toBe(30);
  });
});
