"""States: from SLS files to results.

    top, sls     which SLS files there are for this minion, rendered, with their includes    -> high data
    high         extend, exclude, requisites "in" others, checks of the form                 -> high data
    low, graph   one chunk for each call, in the order that requisites and `order` ask for   -> low chunks
    runner       calls the chunks, minding what became of those that they depend on          -> results
    caller       one call: arguments, conditions, retries, the result's form
    session      what a state run works with: its own options, pillar and context

High data is what users write: `{ID: {module: [function, {argument: value}, ...]}}`. A low chunk is one call:
`{state, fun, name, __id__, __sls__, __env__, ...arguments}`.
"""
