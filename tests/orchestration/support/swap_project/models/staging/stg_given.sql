select id, quantity from given
