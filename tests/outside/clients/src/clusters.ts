import { graphql } from 'relay-runtime';

graphql`
  query clustersQuery($id: ID!, $first: Int!) {
    node(id: $id) {
      ...clusters_cluster @alias(as: "cluster")
    }
    ...clusters_list @arguments(first: $first)
  }
`;

graphql`
  fragment clusters_cluster on Cluster @refetchable(queryName: "clustersAgainQuery") {
    id
    size
    confidence
    members(first: 10) {
      edges {
        node {
          id
        }
      }
    }
  }
`;

graphql`
  fragment clusters_list on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 10 }, after: { type: "String" })
  @refetchable(queryName: "clustersMoreQuery") {
    clusters(first: $first, after: $after) @connection(key: "clusters_clusters") {
      edges {
        node {
          ...clusters_cluster
        }
      }
    }
  }
`;
