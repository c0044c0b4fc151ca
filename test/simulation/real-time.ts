// The clock and the event loop as they were before a simulation took their place: for the loop
// that drives it, and for whoever counts histories per second.
export const realSetImmediate = globalThis.setImmediate;
export const realNowMs = performance.now.bind(performance);
