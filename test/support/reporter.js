/**
 * Prints how many contract tests each store ran, and last the one line that CI reads:
 * `N passed, N failed`. Stores that ran different numbers of them are a failure of their own.
 */
export default class LastLineReporter {
  #error;

  onRunComplete(_contexts, results) {
    const crashedSuites = results.numRuntimeErrorTestSuites;
    const contract = contractTestsByStore(results);
    const ran = new Set([...contract.values()].filter((tests) => tests > 0));
    if (ran.size > 1) this.#error = new Error('the stores did not run the same contract tests');
    const failed = results.numFailedTests + crashedSuites + (ran.size > 1 ? 1 : 0);
    const lines = [`${results.numPassedTests} passed, ${failed} failed\n`];
    if (contract.size > 0) lines.unshift(`contract: ${counted(contract)}\n`);
    process.stderr.write('', () => {
      process.stdout.write(lines.join(''));
    });
  }

  /** Jest fails the run by it. */
  getLastError() {
    return this.#error;
  }
}

/** Tests that ran under a `contract: <store>` block, by store; 0: it was skipped whole. */
function contractTestsByStore(results) {
  const tests = new Map();
  for (const { testResults } of results.testResults) {
    for (const { ancestorTitles, status } of testResults) {
      const store = /^contract: (\w+)/.exec(ancestorTitles[0] ?? '')?.[1];
      if (store === undefined) continue;
      const ran = status === 'passed' || status === 'failed' ? 1 : 0;
      tests.set(store, (tests.get(store) ?? 0) + ran);
    }
  }
  return tests;
}

function counted(contract) {
  return [...contract].map(([store, ran]) => `${store} ${ran === 0 ? 'skipped' : ran}`).join(', ');
}
