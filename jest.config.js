/** Native ES modules: swc only strips the types, Node links the modules. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
  },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  globalSetup: '<rootDir>/test/support/hbase-run.js',
  globalTeardown: '<rootDir>/test/support/hbase-end.js',
  reporters: ['default', '<rootDir>/test/support/reporter.js'],
};
