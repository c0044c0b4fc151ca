import { expect, test } from '@jest/globals';
import { appendAll, newJournal, replayAll, someSteps, writer, WriterModel } from './workload.ts';

test('a replay finds exactly what was appended', async () => {
  const { disk, journal, errors } = await newJournal();
  const model = new WriterModel();
  await appendAll(journal, model, someSteps(300));
  await journal.close();
  const { survey, state, quarters } = await replayAll(disk);
  expect(errors).toEqual([]);
  expect(state).toEqual(model.states.at(-1));
  expect(survey.problems).toEqual([]);
  expect(survey.writer).toBe(writer);
  expect([survey.firstPosition, survey.lastPosition]).toEqual([1, 300]);
  expect(survey.isGapFree(1, 300)).toBe(true);
  expect(quarters.length).toBeGreaterThan(3);
});
