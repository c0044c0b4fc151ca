/** Native ES modules: swc only strips the types, Node links the modules. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
  },
  // Many suites wait for processes and time-outs: two at once need two thirds of the time of one.
  maxWorkers: 2,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  globalSetup: '<rootDir>/test/support/hbase-run.js',
  globalTeardown: '<rootDir>/test/support/hbase-end.js',
  reporters: ['default', '<rootDir>/test/support/reporter.js'],
};
