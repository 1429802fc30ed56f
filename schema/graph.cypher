// What stands in the graph, and its constraints and indexes. Made by linkage; do not edit.
//
// (:Account)  a login or API account at the provider; usage is summed over all of its hours
//     id: STRING  the provider's own
//     created_at: ZONED DATETIME
//     status: STRING
//     country: STRING
//     plan: STRING
//     display_name: STRING
//     attributes: STRING  JSON object
//     requests: INTEGER
//     input_tokens: INTEGER
//     output_tokens: INTEGER
//     tokens: INTEGER  input_tokens + output_tokens
//     first_used: ZONED DATETIME
//     last_used: ZONED DATETIME
// (:Organisation)  the customer that accounts belong to and that pays
//     id: STRING  the provider's own
//     name: STRING
//     domain: STRING
//     country: STRING
//     registration_number: STRING
//     attributes: STRING  JSON object
// (:Identifier)  a typed, normalised value that subjects used; its kind is a second label, such as IP or PaymentMethod
//     key: STRING  kind:value; very long values end in a hash
//     id: STRING  keyed hash of the key, for ids and cursors that give nothing away
//     kind: STRING
//     value: STRING
//     holders: INTEGER  subjects that use it, as of the last resolution that saw it change; shared values only
//     holder_clusters: INTEGER  clusters and lone subjects among them
//     sharing_class: STRING  home, office, campus, mobile, vpn, …: by reference files, else by its pattern of use
//     class_bits: FLOAT  what its holders, or a class known from reference files, add to its weight
//     class_reason: STRING  why it is of its class, with figures, and what shifts its weight
// (:Cluster)  the subjects held to be run by one actor; a retired cluster stays, with its successors
//     id: STRING
//     size: INTEGER  subjects
//     accounts: INTEGER
//     organisations: INTEGER
//     confidence: FLOAT
//     created_at: ZONED DATETIME  when the cluster was first published
//     updated_at: ZONED DATETIME  when a publication last changed it
//     retired_at: ZONED DATETIME  null while it lives
//     told_by: STRING  the publication from which on its evidence and merges hold
//     published: INTEGER  the ledger's version of the publication that last changed it
//     requests: INTEGER
//     input_tokens: INTEGER
//     output_tokens: INTEGER
//     tokens: INTEGER  input_tokens + output_tokens
//     first_used: ZONED DATETIME
//     last_used: ZONED DATETIME
//     opened_mean: FLOAT  mean of its accounts' sign-ups, in days since 1970
//     opened_spread: FLOAT  standard deviation of the same, in days
//     weakest_bits: FLOAT  bits of the weakest link
//     weakest: STRING  JSON object: bits, parts and identifiers of the weakest link
// (:Resolution)  one run of the engine
//     id: STRING
//     started_at: ZONED DATETIME
//     finished_at: ZONED DATETIME
//     model_version: STRING
//     summary: STRING  JSON object
//     versions: STRING  JSON object: ledger table → version that it read
//     state: STRING  published; waiting, approved, refused, overtaken: a person was asked
//     reviewed_by: STRING
//     reviewed_for: STRING  the reason given
//     reviewed_at: ZONED DATETIME
// (:Change)  what became of a cluster in a publication; a number beyond the watermark of publications does not count yet
//     number: INTEGER  place in the order of all changes, the same after every rebuild
//     event: STRING  born, grew, shrank, changed, merged, split, retired
//     cluster_id: STRING
//     successor_id: STRING  where members went that are in another cluster now
//     members: INTEGER  members that went there; the size, where the cluster lives on
//     at: ZONED DATETIME  when it was published
//     publication: STRING
//     kind: STRING  what published it: resolution, link, decision, withdrawal
//     evidence: STRING  JSON list: the strongest identifiers that brought members in
// (:Decision)  a person's statement about two ends
//     id: STRING  hash of the content
//     left: STRING  account:ID, organisation:ID, cluster:ID, or part:ID:MEMBER, a part that a merge brought in
//     right: STRING
//     left_size: INTEGER  subjects that the left end stood for when the decision was made
//     right_size: INTEGER
//     judgement: STRING  same, different, undecided
//     author: STRING
//     reason: STRING
//     decided_at: ZONED DATETIME
//     retracted_at: ZONED DATETIME  null while it stands
//     retracted_by: STRING
//     retraction: STRING  why it was taken back
// (:Actor)  a named party to whom clusters are attributed
//     id: STRING
//     name: STRING
//     about: STRING
// (:Watermark)  how far the ledger is projected; written in the transaction of the rows it counts
//     key: STRING  ledger table, or table/step/partition
//     epoch: STRING  one life of the graph, from wipe to wipe
//     version: INTEGER  ledger version
//     done: INTEGER  batches of that version
//     resolution: INTEGER  of publications: the version of the last that was a resolution
// (:Account|Organisation)-[:USED]->(:Identifier)  a subject used an identifier
//     first_seen: ZONED DATETIME
//     last_seen: ZONED DATETIME
//     count: INTEGER
// (:Account)-[:MEMBER_OF]->(:Organisation)  an account belongs to an organisation
// (:Account|Organisation)-[:IN]->(:Cluster)  a subject belongs to a cluster
//     confidence: FLOAT
//     since: ZONED DATETIME
//     provisional: BOOLEAN  attached since the last resolution
// (:Cluster)-[:EVIDENCED_BY]->(:Identifier)  an identifier holds the cluster together
//     bits: FLOAT  what counted
//     full_bits: FLOAT  what it would weigh alone
//     members: INTEGER  members that use it
//     holders: INTEGER  subjects that used it when it was counted
//     holder_clusters: INTEGER
//     reason: STRING
// (:Cluster)-[:SUCCEEDED_BY]->(:Cluster)  what became of a cluster that ended or was split
//     how: STRING  merged, split, …
//     at: ZONED DATETIME
//     publication: STRING
//     members: INTEGER
// (:Decision)-[:ABOUT]->(:Account|Organisation)  a decision is about a subject, by itself or as one of a group
//     side: STRING  left or right
// (:Cluster)-[:ATTRIBUTED_TO]->(:Actor)  a person ties a cluster to an actor
//     confidence: FLOAT
//     by: STRING
//     reason: STRING
//     at: ZONED DATETIME

CREATE CONSTRAINT account_id IF NOT EXISTS FOR (n:Account) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT organisation_id IF NOT EXISTS FOR (n:Organisation) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT identifier_key IF NOT EXISTS FOR (n:Identifier) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT identifier_id IF NOT EXISTS FOR (n:Identifier) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT cluster_id IF NOT EXISTS FOR (n:Cluster) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT resolution_id IF NOT EXISTS FOR (n:Resolution) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT change_number IF NOT EXISTS FOR (n:Change) REQUIRE n.number IS UNIQUE;
CREATE CONSTRAINT decision_id IF NOT EXISTS FOR (n:Decision) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT actor_id IF NOT EXISTS FOR (n:Actor) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT watermark_key IF NOT EXISTS FOR (n:Watermark) REQUIRE n.key IS UNIQUE;
CREATE INDEX account_by_created_at_id IF NOT EXISTS FOR (n:Account) ON (n.created_at, n.id);
CREATE INDEX account_by_tokens_id IF NOT EXISTS FOR (n:Account) ON (n.tokens, n.id);
CREATE INDEX identifier_by_kind_holders IF NOT EXISTS FOR (n:Identifier) ON (n.kind, n.holders);
CREATE INDEX identifier_by_holders_key IF NOT EXISTS FOR (n:Identifier) ON (n.holders, n.key);
CREATE INDEX cluster_by_size_id IF NOT EXISTS FOR (n:Cluster) ON (n.size, n.id);
CREATE INDEX cluster_by_tokens_id IF NOT EXISTS FOR (n:Cluster) ON (n.tokens, n.id);
CREATE INDEX cluster_by_confidence_id IF NOT EXISTS FOR (n:Cluster) ON (n.confidence, n.id);
CREATE INDEX cluster_by_created_at_id IF NOT EXISTS FOR (n:Cluster) ON (n.created_at, n.id);
CREATE INDEX cluster_by_updated_at_id IF NOT EXISTS FOR (n:Cluster) ON (n.updated_at, n.id);
CREATE INDEX resolution_by_finished_at_id IF NOT EXISTS FOR (n:Resolution) ON (n.finished_at, n.id);
CREATE INDEX change_by_at_number IF NOT EXISTS FOR (n:Change) ON (n.at, n.number);
CREATE INDEX change_by_cluster_id_number IF NOT EXISTS FOR (n:Change) ON (n.cluster_id, n.number);
CREATE INDEX change_by_successor_id_number IF NOT EXISTS FOR (n:Change) ON (n.successor_id, n.number);
CREATE INDEX decision_by_left IF NOT EXISTS FOR (n:Decision) ON (n.left);
CREATE INDEX decision_by_right IF NOT EXISTS FOR (n:Decision) ON (n.right);
CREATE INDEX decision_by_decided_at_id IF NOT EXISTS FOR (n:Decision) ON (n.decided_at, n.id);
CREATE FULLTEXT INDEX search IF NOT EXISTS FOR (n:Account|Organisation|Identifier|Cluster|Actor) ON EACH [n.id, n.name, n.display_name, n.domain, n.value] OPTIONS { indexConfig: { `fulltext.eventually_consistent`: true } };
