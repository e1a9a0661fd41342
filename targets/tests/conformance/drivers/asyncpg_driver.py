import asyncio
import os
import asyncpg


async def main():
    connection = await asyncpg.connect(host=os.environ["DIRECTORY"], user=os.environ["DBUSER"], password=os.environ["PASSWORD"], database=os.environ["DATABASE"])
    await connection.execute("CREATE TABLE asyncpg_rows (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL)")
    async with connection.transaction():
        await connection.execute("INSERT INTO asyncpg_rows (run, nonce) VALUES ($1, $2)", 1, "kept")
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("INSERT INTO asyncpg_rows (run, nonce) VALUES ($1, $2)", 1, "rolled back")
    await transaction.rollback()
    rows = await connection.fetch("SELECT nonce FROM asyncpg_rows WHERE run = $1", 1)
    assert [row["nonce"] for row in rows] == ["kept"], rows
    try:
        await connection.execute("FROBNICATE everything")
        raise SystemExit("no error")
    except asyncpg.PostgresSyntaxError as error:
        assert "FROBNICATE" in str(error), error
    # What its pool does when a connection is returned.
    await connection.reset()
    await connection.close()


asyncio.run(main())
