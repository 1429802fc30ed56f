"""What a cluster or an explanation means for those who must judge it: pure functions from facts to findings.

    facts        what is known of a cluster, in one small record
    hypotheses   the benign explanations of a cluster, scored in bits beside the single actor
    cuts         what a cluster would fall into without its weakest merge
    sentences    explanations and merges as sentences that a lawyer can read
    words        how kinds, values, times, bits and probabilities are written in them

Nothing here reads anything: `linkage.service` (`explaining`, `judging`) gathers the facts.
"""
